"""What a statement keeps back of what it pays, shared out over its payments as they are posted, unit by unit."""

from dataclasses import dataclass
from typing import Final

from app.db import adjustments as adjustments_db
from app.db import deductions as deductions_db
from app.db import remittances as remittances_db
from app.db.remittances import RemittanceRecord
from app.domain.deductions import Deduction, DeductionKind, kind_of, next_share
from app.domain.money import Cents
from app.domain.statement import AdjustmentDirection
from app.unit_of_work.unit import UnitOfWork

NOTHING: Final[tuple[Deduction, ...]] = ()


@dataclass(slots=True)
class StatementDeductions:
    """The deductions of a statement, and what of it is settled; the statement is locked."""

    whole: list[Deduction]
    gross: Cents
    settled: Cents
    done: list[Deduction]

    def next(self, amount: Cents) -> tuple[Deduction, ...]:
        """What belongs to the next payment, which counts as settled from now on."""
        if not self.whole:
            return NOTHING
        share = next_share(self.whole, self.done, gross=self.gross, before=self.settled, amount=amount)
        self.settled = Cents(self.settled + amount)
        self.done = _sums([*self.done, *share])
        return share


async def of_statement(
    unit: UnitOfWork, remittance: RemittanceRecord, stated: Cents | None = None
) -> StatementDeductions:
    """Read once for each unit of posting: the taxes and discounts among the statement's debits. `stated` is what its
    lines pay, if the caller has read it (`stated_cents`)."""
    debits = await adjustments_db.adjustments_of(unit.connection, unit.scope, [remittance.id])
    whole = _sums(
        [
            Deduction(kind, Cents(each.amount_cents))
            for each in debits
            if each.direction is AdjustmentDirection.DEBIT
            and (kind := kind_of(each.type, each.description)) is not None
        ]
    )
    if not whole:
        return StatementDeductions([], Cents(0), Cents(0), [])
    if stated is None:
        stated = await remittances_db.stated_cents(unit.connection, remittance.id)
    gross = stated - await remittances_db.dismissed_cents(unit.connection, remittance.id)
    settled, done = await deductions_db.of_statement(unit.connection, remittance)
    return StatementDeductions(whole, Cents(gross), settled, done)


def _sums(deductions: list[Deduction]) -> list[Deduction]:
    """One for each kind, in the order of kinds."""
    found = dict.fromkeys(DeductionKind, 0)
    for each in deductions:
        found[each.kind] += each.amount
    return [Deduction(kind, Cents(cents)) for kind, cents in found.items() if cents]
