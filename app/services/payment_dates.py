"""Corrections of the day of payment of a statement: by reversals, with history."""

from dataclasses import replace
from datetime import date
from typing import Any, Final

from app.db import bank as bank_db
from app.db import deductions as deductions_db
from app.db import invoice_lines as lines_db
from app.db import invoices as invoices_db
from app.db import remittances as remittances_db
from app.db import settlements as settlements_db
from app.db import unapplied_credits as credits_db
from app.db.invoices import InvoiceRecord
from app.db.remittances import RemittanceRecord
from app.db.settlements import SettlementRecord
from app.domain.actions import RemittanceOperation
from app.domain.deductions import Deduction
from app.domain.errors import ErrorCode, Failure, conflict
from app.domain.money import Cents
from app.domain.refusals import checked
from app.domain.remittance_checks import check_correction
from app.domain.text import text_failure
from app.events.contracts import remittance_event
from app.services import bank_matches, invoices, remittances, settlements, statement_deductions
from app.services.remittances import STORED_REMITTANCE
from app.services.settlements import Payment, Settled
from app.unit_of_work.action import Action, StoredAnswer
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

CORRECTIONS_MAX: Final = 100
"""Of settlements that one correction reverses and records again, in one transaction."""


@frozen
class Corrected:
    """The remittance with its new day of payment, and the rows that the correction has added to the ledger."""

    remittance: RemittanceRecord
    settlements: tuple[SettlementRecord, ...]


async def correct(unit: UnitOfWork, *, id: str, paid_on: date, reason: str) -> Corrected:
    """Correct the day of payment: every settlement of the statement is reversed as far as it is left, and recorded
    again with the new day, for the same lines of invoices; what later uses of its credits settle has that day too. The
    bank's entry that the payment clearly is by this day is matched to it."""
    shape = [text_failure(reason, "reason", invoices.REASON_LENGTH_MAX)]
    if paid_on > unit.today:
        shape.append(Failure(ErrorCode.INVALID_DATE, "the payment date is in the future", "paidOn"))
    remittance = await checked(shape, remittances.locked(unit, id))
    check_correction(remittance.status, remittance.paid_on, paid_on)
    found = await settlements_db.payments_of(unit.connection, unit.scope, id, CORRECTIONS_MAX + 1)
    if len(found) > CORRECTIONS_MAX:
        raise conflict(
            f"more than {CORRECTIONS_MAX} settlements have this day: reverse them one by one", "remittanceId"
        )
    back = await settlements_db.reversed_cents(unit.connection, unit.scope, [each.id for each in found])
    found = [each for each in found if back.get(each.id, 0) < each.amount_cents]
    if await credits_db.moves_of_settlements(unit.connection, unit.scope, [each.id for each in found]):
        message = "an unapplied credit made a settlement of the statement: reverse its use with reverseCreditUse"
        raise conflict(message, "remittanceId")
    held = await invoices_db.lock_many(unit.connection, unit.scope, sorted({each.invoice_id for each in found}))
    invoices_by_id = {invoice.id: invoice for invoice in held}
    rows: list[SettlementRecord] = []
    for original in found:
        done = await _again(unit, invoices_by_id[original.invoice_id], original, paid_on, reason)
        if done:
            invoices_by_id[original.invoice_id] = done[-1].invoice
            rows += [each.settlement for each in done]
    corrected = replace(remittance, paid_on=paid_on, changed_at=unit.now)
    await remittances_db.update_remittance(unit.connection, corrected)
    await credits_db.correct_days(unit.connection, id, paid_on)
    await statement_deductions.correct_day(unit, remittance, paid_on)
    unit.emit(remittance_event("RemittancePaymentCorrected", corrected, at=unit.now))
    if not await bank_db.matches_of_remittances(unit.connection, unit.scope, [id]):
        await bank_matches.match_payment(unit, corrected)
    unit.changed(corrected.id)
    return Corrected(corrected, tuple(rows))


async def _again(
    unit: UnitOfWork, invoice: InvoiceRecord, original: SettlementRecord, paid_on: date, reason: str
) -> list[Settled]:
    """The reversal of what is left of the settlement, and the settlement that replaces it; none if nothing is left."""
    left = await lines_db.allocated(unit.connection, original.id)
    parts = {line: Cents(each.amount_cents) for line, each in left.items() if each.amount_cents}
    amount = Cents(sum(parts.values()))
    if not amount:
        return []
    earlier = await settlements_db.reversals_of(unit.connection, unit.scope, original.id)
    kept = await deductions_db.left(unit.connection, [original.id, *(each.id for each in earlier)])
    reversed_one = await settlements.reverse_locked(unit, invoice, original, amount, reason=reason, parts=parts)
    payment = Payment(
        amount,
        paid_on,
        original.method,
        original.bank_reference,
        original.statement_number,
        tuple(Deduction(kind, Cents(cents)) for kind, cents in kept.items() if cents),
    )
    return [reversed_one, await settlements.settle_locked(unit, reversed_one.invoice, payment, parts=parts)]


def _stored_facts(done: Corrected) -> Any:
    rows = [settlements.STORED_SETTLEMENT.facts(each) for each in done.settlements]
    return [STORED_REMITTANCE.facts(done.remittance), done.remittance.paid_on, rows]


async def _rebuild(unit: UnitOfWork, facts: Any) -> Corrected:
    stored, paid_on, stored_rows = facts
    (remittance,) = await STORED_REMITTANCE.read(unit, [stored])
    rows = await settlements.STORED_SETTLEMENT.read(unit, stored_rows)
    return Corrected(replace(remittance, paid_on=date.fromisoformat(paid_on)), tuple(rows))


CORRECT: Final = Action(
    "correctPaymentDate",
    correct,
    needs="settlements:reverse",
    answer=StoredAnswer(_stored_facts, _rebuild),
    offers=RemittanceOperation.CORRECT_PAYMENT_DATE,
)
