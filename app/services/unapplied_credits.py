"""Unapplied credits: recorded when a statement is posted, used to settle invoices, or given back; each use can be
reversed by a row of its own."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from app.db import invoices as invoices_db
from app.db import remittances as remittances_db
from app.db import unapplied_credits as credits_db
from app.db.adjustments import AdjustmentRecord
from app.db.invoice_lines import LineRecord
from app.db.invoices import InvoiceRecord
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.db.unapplied_credits import CreditMoveRecord, CreditRecord
from app.domain import ids
from app.domain.credits import CreditStep, check_use
from app.domain.errors import check_version, conflict, not_found, raise_any
from app.domain.money import Cents
from app.domain.refusals import checked
from app.domain.remittances import RemittanceLineStatus
from app.domain.text import text_failure
from app.events.queue_events import credit_event
from app.services import invoices, settlements, statement_deductions
from app.services.invoices import REASON_LENGTH_MAX
from app.services.settlements import Payment
from app.unit_of_work.action import Action, StoredAnswer, StoredRecord
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

EVENTS: Final = {
    CreditStep.APPLY: "CreditUsed",
    CreditStep.REFUND: "CreditUsed",
    CreditStep.WITHDRAW: "CreditUsed",
    CreditStep.REVERSE: "CreditReleased",
}


@frozen
class Used:
    """A credit after a use, and that use."""

    credit: CreditRecord
    move: CreditMoveRecord


async def record(unit: UnitOfWork, remittance: RemittanceRecord, lines: Sequence[RemittanceLineRecord]) -> None:
    """Store the credits of lines that are posted now; the caller has locked their remittance, which is paid."""
    if remittance.paid_on is None:
        return
    rows = [
        CreditRecord(
            id=ids.new_id(ids.CREDIT),
            provider_cnes=remittance.provider_cnes,
            payer_ans=remittance.payer_ans,
            remittance_id=remittance.id,
            line_id=line.id,
            claim_id=line.claim_id,
            amount_cents=_amount(line),
            used_cents=0,
            paid_on=remittance.paid_on,
            version=1,
            created_by=unit.subject,
            created_at=unit.now,
            adjustment_id=None,
        )
        for line in lines
        if _amount(line)
    ]
    await credits_db.insert_credits(unit.connection, rows)
    for row in rows:
        unit.emit(credit_event("CreditRecorded", row, at=unit.now))
        unit.changed(row.id)


def _amount(line: RemittanceLineRecord) -> int:
    """What of the line no claim gets: all of a held one, whose claim gets it later."""
    if line.status is RemittanceLineStatus.HELD:
        return line.paid_cents
    return 0 if line.resolution is None else line.resolution.unapplied


async def apply(unit: UnitOfWork, *, id: str, invoice_id: str, amount: Cents | None, version: int | None) -> Used:
    """Settle an issued invoice of the same provider and payer with what is left of a credit, or a part of it."""
    # The remittance first, whose taxes are shared out, then the invoice, as postings lock them, and the credit last.
    await _lock_remittance(unit, id)
    invoice = await invoices_db.lock(unit.connection, unit.scope, invoice_id)
    unknown = not_found("invoice", "invoiceId").failures if invoice is None else ()
    credit = await checked(unknown, _locked(unit, id, version))
    assert invoice is not None, "or it is refused above"  # noqa: S101
    if (invoice.provider_cnes, invoice.payer_ans) != (credit.provider_cnes, credit.payer_ans):
        raise conflict("the invoice belongs to another provider or payer", "invoiceId")
    left = Cents(credit.left_cents)
    used = Cents(min(left, invoice.due_cents)) if amount is None else amount
    check_use(amount=used, left=left)
    return await _settle(unit, credit, invoice, used, None)


async def apply_to_lines(unit: UnitOfWork, *, line_id: str, lines: Sequence[LineRecord], most: Cents) -> None:
    """Settle these lines, whose invoices and whose remittance the caller has locked, with what is left of the credit of
    a line, and with no more than `most`."""
    for seen in await credits_db.of_lines(unit.connection, unit.scope, [line_id]):
        credit = await _locked(unit, seen.id, None)
        for line in lines:
            part = Cents(min(credit.left_cents, line.due_cents, most))
            if part <= 0:
                continue
            most = Cents(most - part)
            invoice = await invoices.locked(unit, line.invoice_id, None)
            credit = (await _settle(unit, credit, invoice, part, {line.id: part})).credit


async def left_of_lines(unit: UnitOfWork, line_ids: Sequence[str]) -> dict[str, int]:
    """Line id -> what is left of its credits; lines without a credit are left out."""
    found: dict[str, int] = {}
    for credit in await credits_db.of_lines(unit.connection, unit.scope, line_ids) if line_ids else ():
        line_id = credit.line_id or ""
        found[line_id] = found.get(line_id, 0) + credit.left_cents
    return found


async def is_used(unit: UnitOfWork, *, line_id: str) -> bool:
    """Whether money of the line has settled an invoice or gone back to the payer; its credits are locked."""
    for seen in await credits_db.of_lines(unit.connection, unit.scope, [line_id]):
        credit = await _locked(unit, seen.id, None)
        if credit.used_cents and not await _is_withdrawn(unit, credit):
            return True
    return False


async def _is_withdrawn(unit: UnitOfWork, credit: CreditRecord) -> bool:
    moves = await credits_db.moves_of_credit(unit.connection, unit.scope, credit.id)
    return any(move.action is CreditStep.WITHDRAW for move in moves)


async def record_adjustment(
    unit: UnitOfWork, remittance: RemittanceRecord, adjustment: AdjustmentRecord
) -> CreditRecord:
    """Store what a paid statement, which the caller has locked, credits beside its claims."""
    if remittance.paid_on is None:
        raise conflict("the statement pays nothing yet", "action")
    row = CreditRecord(
        id=ids.new_id(ids.CREDIT),
        provider_cnes=remittance.provider_cnes,
        payer_ans=remittance.payer_ans,
        remittance_id=remittance.id,
        line_id=None,
        claim_id=None,
        amount_cents=adjustment.amount_cents,
        used_cents=0,
        paid_on=remittance.paid_on,
        version=1,
        created_by=unit.subject,
        created_at=unit.now,
        adjustment_id=adjustment.id,
    )
    await credits_db.insert_credits(unit.connection, [row])
    unit.emit(credit_event("CreditRecorded", row, at=unit.now))
    unit.changed(row.id)
    return row


async def withdraw_adjustment(unit: UnitOfWork, *, credit_id: str, reason: str) -> None:
    """Take back the credit that was made of an adjustment; CONFLICT if some of it is used."""
    credit = await _locked(unit, credit_id, None)
    if credit.used_cents:
        raise conflict("some of the credit is used: reverse that first")
    await _use(unit, credit, CreditStep.WITHDRAW, Cents(credit.amount_cents), reason=reason[:REASON_LENGTH_MAX])


async def withdraw(unit: UnitOfWork, *, line_id: str, reason: str) -> None:
    """Take back the credits of a line that is not held any more; CONFLICT if one is used."""
    for seen in await credits_db.of_lines(unit.connection, unit.scope, [line_id]):
        credit = await _locked(unit, seen.id, None)
        if await _is_withdrawn(unit, credit):
            continue
        if credit.used_cents:
            raise conflict("money of the line is used: reverse that first")
        await _use(unit, credit, CreditStep.WITHDRAW, Cents(credit.amount_cents), reason=reason)


async def _settle(
    unit: UnitOfWork, credit: CreditRecord, invoice: InvoiceRecord, amount: Cents, parts: dict[str, Cents] | None
) -> Used:
    """Settle as a payment of the credit's statement, with its share of the statement's taxes; the caller has locked
    the remittance and the invoice."""
    (remittance,) = await remittances_db.by_ids(unit.connection, unit.scope, [credit.remittance_id])
    # A credit beside the claims bears no taxes: the statement withholds them of what its lines pay.
    kept = (await statement_deductions.of_statement(unit, remittance)).next(amount) if credit.line_id else ()
    paid = (remittance.method, remittance.bank_reference, remittance.statement_number)
    payment = Payment(amount, credit.paid_on, *paid, kept)
    settled = await settlements.settle_locked(unit, invoice, payment, parts=parts)
    return await _use(unit, credit, CreditStep.APPLY, amount, settlement_id=settled.settlement.id)


async def refund(unit: UnitOfWork, *, id: str, amount: Cents | None, reason: str, version: int | None) -> Used:
    """Record that what is left of a credit, or a part of it, went back to the payer."""
    remittance = await _lock_remittance(unit, id)
    credit = await checked([text_failure(reason, "reason", REASON_LENGTH_MAX)], _locked(unit, id, version))
    left = Cents(credit.left_cents)
    used = left if amount is None else amount
    check_use(amount=used, left=left)
    use_id = ids.new_id(ids.CREDIT_MOVE)
    if remittance is not None and credit.line_id:
        await statement_deductions.of_refund(unit, remittance, used, use_id)
    return await _use(unit, credit, CreditStep.REFUND, used, reason=reason, id=use_id)


async def _lock_remittance(unit: UnitOfWork, credit_id: str) -> RemittanceRecord | None:
    """The statement of a credit, whose taxes are shared out: locked before the credit; None outside the data scope."""
    for seen in await credits_db.by_ids(unit.connection, unit.scope, [credit_id]):
        return await remittances_db.lock(unit.connection, unit.scope, seen.remittance_id)
    return None


async def reverse(unit: UnitOfWork, *, id: str, reason: str) -> Used:
    """Take back a use of a credit; of one that settled an invoice, that settlement too."""
    found = await credits_db.moves_by_ids(unit.connection, unit.scope, [id])
    unknown = () if found else not_found("use of a credit").failures
    raise_any([text_failure(reason, "reason", REASON_LENGTH_MAX), *unknown])
    (move,) = found
    if move.action not in (CreditStep.APPLY, CreditStep.REFUND):
        raise conflict("only a settlement or a refund can be reversed")
    settlement_id = None
    remittance = await _lock_remittance(unit, move.credit_id)
    if move.settlement_id is not None:
        amount = Cents(move.amount_cents)
        reversal = await settlements.reverse_any(unit, id=move.settlement_id, amount=amount, reason=reason)
        settlement_id = reversal.settlement.id
    credit = await _locked(unit, move.credit_id, None)
    moves = await credits_db.moves_of_credit(unit.connection, unit.scope, credit.id)
    if any(each.reverses_id == move.id for each in moves):
        raise conflict("this use is reversed already")
    if remittance is not None and move.settlement_id is None:
        await statement_deductions.of_reversed_refund(unit, remittance, move.id)
    used = Cents(-move.amount_cents)
    return await _use(
        unit, credit, CreditStep.REVERSE, used, settlement_id=settlement_id, reason=reason, reverses_id=move.id
    )


async def _locked(unit: UnitOfWork, credit_id: str, version: int | None) -> CreditRecord:
    credit = await credits_db.lock(unit.connection, unit.scope, credit_id)
    if credit is None:
        raise not_found("credit")
    check_version("credit", credit.version, version)
    return credit


async def _use(
    unit: UnitOfWork,
    credit: CreditRecord,
    step: CreditStep,
    amount: Cents,
    *,
    settlement_id: str | None = None,
    reason: str | None = None,
    reverses_id: str | None = None,
    id: str | None = None,
) -> Used:
    """Append a use of a credit that the caller has locked; a reversal has an amount below zero."""
    after = replace(credit, used_cents=credit.used_cents + amount, version=credit.version + 1)
    move = CreditMoveRecord(
        id=id or ids.new_id(ids.CREDIT_MOVE),
        credit_id=credit.id,
        action=step,
        reverses_id=reverses_id,
        settlement_id=settlement_id,
        amount_cents=amount,
        used_cents=after.used_cents,
        reason=reason,
        actor=unit.subject,
        at=unit.now,
    )
    await credits_db.insert_move(unit.connection, after, move)
    unit.emit(credit_event(EVENTS[step], after, at=unit.now))
    unit.changed(after.id)
    return Used(after, move)


async def _rebuild(unit: UnitOfWork, facts: Any) -> Used:
    credit, move = facts
    (row,) = await STORED_CREDIT.read(unit, [credit])
    (use,) = await _STORED_MOVE.read(unit, [move])
    return Used(row, use)


STORED_CREDIT: Final = StoredRecord(CreditRecord, credits_db.by_ids, "used_cents", "version")
_STORED_MOVE: Final = StoredRecord(CreditMoveRecord, credits_db.moves_by_ids)
"""Without columns: a use never changes."""
_ANSWER: Final[StoredAnswer[Used]] = StoredAnswer(
    lambda used: [STORED_CREDIT.facts(used.credit), _STORED_MOVE.facts(used.move)], _rebuild
)
APPLY: Final = Action(
    "applyCredit",
    apply,
    needs="settlements:create",
    answer=_ANSWER,
    aggregates=lambda arguments: [arguments["invoice_id"], arguments["id"]],
)
REFUND: Final = Action("refundCredit", refund, needs="settlements:create", answer=_ANSWER)
REVERSE: Final = Action("reverseCreditUse", reverse, needs="settlements:reverse", answer=_ANSWER)
