"""What a statement keeps back, shared out over all that it pays: over its payments as they are posted, unit by unit,
over lines that are dismissed, and over credits that go back to the payer. What is above all of that is the statement's
own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from app.db import adjustments as adjustments_db
from app.db import deductions as deductions_db
from app.db import remittances as remittances_db
from app.db import unapplied_credits as credits_db
from app.db import waiting_lines
from app.db.deductions import DeductionRecord
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.domain import ids
from app.domain.deductions import Deduction, excess, fitting, next_share, sums
from app.domain.money import Cents
from app.domain.remittances import RemittanceLineStatus
from app.unit_of_work.unit import UnitOfWork

NOTHING: Final[tuple[Deduction, ...]] = ()


@dataclass(slots=True)
class StatementDeductions:
    """The deductions of a statement, and what of its gross has its share; the statement is locked."""

    whole: list[Deduction]
    gross: Cents
    shared: Cents
    done: list[Deduction]

    def next(self, amount: Cents) -> tuple[Deduction, ...]:
        """What belongs to the next payment, or to what no claim gets, which has its share from now on."""
        if not self.whole:
            return NOTHING
        share = next_share(self.whole, self.done, gross=self.gross, before=self.shared, amount=amount)
        self.shared = Cents(self.shared + amount)
        self.done = sums([*self.done, *share])
        return share


async def of_statement(
    unit: UnitOfWork, remittance: RemittanceRecord, stated: Cents | None = None
) -> StatementDeductions:
    """Read once for each unit of posting: the taxes and discounts among the statement's debits. `stated` is what its
    lines pay, if the caller has read it (`stated_cents`)."""
    debits = await adjustments_db.adjustments_of(unit.connection, unit.scope, [remittance.id])
    whole = adjustments_db.deductions_of(debits)
    if not whole:
        return StatementDeductions([], Cents(0), Cents(0), [])
    if stated is None:
        stated = await remittances_db.stated_cents(unit.connection, remittance.id)
    settled, done = await deductions_db.of_statement(unit.connection, remittance)
    uses = await credits_db.uses_of_statement(unit.connection, remittance.id)
    dismissed = await remittances_db.dismissed_cents(unit.connection, remittance.id)
    apart = [each for each in await _apart(unit, remittance) if not _is_excess(each)]
    rest = [Deduction(each.kind, Cents(each.amount_cents)) for each in apart]
    shared = settled - uses.settled_beside + uses.refunded + dismissed
    return StatementDeductions(fitting(whole, stated), stated, Cents(shared), sums([*done, *rest]))


async def keep_excess(unit: UnitOfWork, remittance: RemittanceRecord) -> None:
    """Record what no payment of the statement can bear, because it withholds more than its lines pay: a share of the
    statement itself. The caller has locked the remittance; a second time changes nothing."""
    if remittance.paid_on is None:
        return
    debits = await adjustments_db.adjustments_of(unit.connection, unit.scope, [remittance.id])
    whole = adjustments_db.deductions_of(debits)
    if not whole:
        return
    over = excess(whole, await remittances_db.stated_cents(unit.connection, remittance.id))
    known = [each for each in await _apart(unit, remittance) if _is_excess(each)] if over else []
    kept = [Deduction(each.kind, Cents(-each.amount_cents)) for each in known]
    await _store(unit, remittance, [_row(remittance, each) for each in sums([*over, *kept])])


def _is_excess(share: DeductionRecord) -> bool:
    return share.line_id is None and share.credit_use_id is None


async def of_dismissal(
    unit: UnitOfWork, remittance: RemittanceRecord, before: RemittanceLineRecord, after: RemittanceLineRecord
) -> None:
    """Record the share of a line that is dismissed, or give it back if it is dismissed no more; the caller has locked
    the remittance, and stores the line next."""
    was, is_now = (each.status is RemittanceLineStatus.DISMISSED for each in (before, after))
    if was and not is_now:
        rows = await _apart(unit, remittance)
        await _give_back(unit, remittance, [each for each in rows if each.line_id == after.id])
    if is_now and not was and after.paid_cents > 0:
        await _record(unit, remittance, Cents(after.paid_cents), line_id=after.id)


async def of_payment(unit: UnitOfWork, remittance: RemittanceRecord) -> None:
    """Record the shares of lines that were dismissed before the payment came, and with it the taxes; the caller has
    locked the remittance, and stored the day and the debits of the payment."""
    dismissed = await waiting_lines.dismissed(unit.connection, remittance.id)
    kept = await of_statement(unit, remittance) if dismissed else None
    if kept is None or not kept.whole:
        return
    kept.shared = Cents(kept.shared - sum(paid for _, paid in dismissed))
    rows = [_row(remittance, share, line_id=id) for id, paid in dismissed for share in kept.next(paid)]
    await _store(unit, remittance, rows)


async def of_refund(unit: UnitOfWork, remittance: RemittanceRecord, amount: Cents, use_id: str) -> None:
    """Record the share of a credit that goes back, by a use that the caller stores next; the remittance is locked."""
    await _record(unit, remittance, amount, credit_use_id=use_id)


async def of_reversed_refund(unit: UnitOfWork, remittance: RemittanceRecord, use_id: str) -> None:
    """Give back the share of a refund that did not happen; the remittance is locked."""
    rows = [each for each in await _apart(unit, remittance) if each.credit_use_id == use_id]
    await _give_back(unit, remittance, rows)


async def forget(unit: UnitOfWork, remittance: RemittanceRecord) -> None:
    """Give back the shares of all that no claim gets: the statement is cancelled."""
    await _give_back(unit, remittance, await _apart(unit, remittance))


async def correct_day(unit: UnitOfWork, remittance: RemittanceRecord, paid_on: date) -> None:
    """Give these shares another day: by rows that take them back, and others."""
    rows = await _apart(unit, remittance)
    await _give_back(unit, remittance, rows)
    await _store(unit, replace(remittance, paid_on=paid_on), rows)


async def _apart(unit: UnitOfWork, remittance: RemittanceRecord) -> list[DeductionRecord]:
    """What is left of the shares without a payment: one row for each of their sources and kinds."""
    found: dict[tuple[str | None, str | None, str], DeductionRecord] = {}
    for each in await deductions_db.apart(unit.connection, remittance.id):
        source = (each.line_id, each.credit_use_id, each.kind)
        before = found.get(source)
        known = 0 if before is None else before.amount_cents
        found[source] = replace(each, amount_cents=known + each.amount_cents)
    return [each for each in found.values() if each.amount_cents]


async def _record(
    unit: UnitOfWork,
    remittance: RemittanceRecord,
    amount: Cents,
    *,
    line_id: str | None = None,
    credit_use_id: str | None = None,
) -> None:
    if remittance.paid_on is None:
        return
    share = (await of_statement(unit, remittance)).next(amount)
    rows = [_row(remittance, each, line_id=line_id, credit_use_id=credit_use_id) for each in share]
    await _store(unit, remittance, rows)


def _row(
    remittance: RemittanceRecord, share: Deduction, *, line_id: str | None = None, credit_use_id: str | None = None
) -> DeductionRecord:
    return DeductionRecord(
        id="",
        settlement_id=None,
        provider_cnes=remittance.provider_cnes,
        payer_ans=remittance.payer_ans,
        kind=share.kind,
        paid_on=remittance.paid_on or date.min,
        month="",
        amount_cents=share.amount,
        remittance_id=remittance.id,
        line_id=line_id,
        credit_use_id=credit_use_id,
    )


async def _give_back(unit: UnitOfWork, remittance: RemittanceRecord, rows: Sequence[DeductionRecord]) -> None:
    await _store(unit, remittance, [replace(each, amount_cents=-each.amount_cents) for each in rows])


async def _store(unit: UnitOfWork, remittance: RemittanceRecord, rows: Sequence[DeductionRecord]) -> None:
    """Store these amounts as new rows, with the statement's day of payment."""
    day = remittance.paid_on
    if day is not None and rows:
        new = [replace(each, id=ids.new_id(ids.DEDUCTION), paid_on=day, month=f"{day:%Y%m}") for each in rows]
        await deductions_db.insert(unit.connection, new)
