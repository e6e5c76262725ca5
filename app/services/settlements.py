"""The settlement ledger: settle and reverse, always with the invoice locked."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

from app.db import invoice_lines as lines_db
from app.db import invoices as invoices_db
from app.db import settlements as settlements_db
from app.db import unapplied_credits as credits_db
from app.db.invoice_lines import AllocationRecord, LineRecord
from app.db.invoices import InvoiceRecord
from app.db.settlements import SettlementRecord
from app.domain import ids
from app.domain.actions import InvoiceOperation, SettlementOperation
from app.domain.allocation import spread, take_back
from app.domain.deductions import Deduction, deduction_failures, discount, withheld
from app.domain.errors import ErrorCode, Failure, not_found, raise_any
from app.domain.identifiers import NUMBER_LENGTH_MAX
from app.domain.invoices import InvoiceAction, next_status
from app.domain.money import Cents
from app.domain.refusals import checked
from app.domain.settlements import (
    PaymentMethod,
    SettlementAction,
    SettlementStatus,
    check_reversal,
    check_reversible,
    check_settlement,
)
from app.domain.settlements import next_status as next_settlement_status
from app.domain.text import ascii_failure, text_failure
from app.events.contracts import settlement_event
from app.services import deductions, invoices
from app.services.history import invoice_step
from app.unit_of_work.action import Action, StoredAnswer, StoredRecord
from app.unit_of_work.unit import Counted, UnitOfWork
from app.values.frozen import frozen


@frozen
class Payment:
    """A payment by the payer; no amount means everything that is still due."""

    amount: Cents | None
    paid_on: date
    method: PaymentMethod
    bank_reference: str | None = None
    statement_number: str | None = None
    # What the payer kept back of the amount: it is discharged, but did not arrive.
    deductions: tuple[Deduction, ...] = ()


@frozen
class Origin:
    """The statement that takes a payment back: its number, its day of payment and the bank's reference."""

    statement_number: str
    paid_on: date
    bank_reference: str | None


@frozen
class Settled:
    """A new ledger row, and the invoice after it."""

    settlement: SettlementRecord
    invoice: InvoiceRecord


async def settle(unit: UnitOfWork, *, id: str, payment: Payment, version: int | None) -> Settled:
    """Record a payment, in full or in part; OVER_SETTLEMENT above what is due."""
    invoice = await checked(_payment_failures(payment, unit.today), invoices.locked(unit, id, version))
    return await settle_locked(unit, invoice, payment)


async def settle_locked(
    unit: UnitOfWork, invoice: InvoiceRecord, payment: Payment, *, parts: dict[str, Cents] | None = None
) -> Settled:
    """Pay an invoice that the caller has locked; `parts` maps lines to amounts, by default in their order."""
    amount = Cents(invoice.due_cents) if payment.amount is None else payment.amount
    # Checks the status before the amount: a draft or cancelled invoice is CONFLICT whatever the amount.
    _invoice_after(invoice, InvoiceAction.SETTLE, 0)
    check_settlement(amount=amount, due=Cents(invoice.due_cents))
    raise_any(deduction_failures(payment.deductions, gross=amount))
    row = replace(_row(unit, invoice, payment), amount_cents=amount)
    lines = await lines_db.of_invoices(unit.connection, unit.scope, [invoice.id])
    if parts is None:
        shares = spread(amount, [Cents(line.due_cents) for line in lines])
        parts = {line.id: share for line, share in zip(lines, shares, strict=True) if share}
    unit.count(Counted.SETTLED_CENTS, amount)
    allocated = deductions.allocations(row.id, parts, payment.deductions)
    return await _append(unit, invoice, row, lines, _Moved(allocated, payment.deductions))


async def reverse(unit: UnitOfWork, *, id: str, amount: Cents | None, reason: str) -> Settled:
    """Reverse a settlement, in full or in part; the reversal is a ledger row of its own."""
    moves = await credits_db.moves_of_settlements(unit.connection, unit.scope, [id])
    shape = [text_failure(reason, "reason", invoices.REASON_LENGTH_MAX)]
    original = await checked(shape, _original(unit, id))
    return await _reverse(unit, original, amount=amount, reason=reason, is_of_credit=bool(moves))


async def reverse_any(
    unit: UnitOfWork, *, id: str, amount: Cents | None, reason: str, is_of_credit: bool = False
) -> Settled:
    """Reverse a settlement, also one that an unapplied credit made, unless `is_of_credit`; its caller then releases the
    credit."""
    original = await _original(unit, id)
    return await _reverse(unit, original, amount=amount, reason=reason, is_of_credit=is_of_credit)


async def _original(unit: UnitOfWork, settlement_id: str) -> SettlementRecord:
    found = await settlements_db.one(unit.connection, unit.scope, settlement_id)
    if found is None:
        raise not_found("settlement")
    return found


async def _reverse(
    unit: UnitOfWork, original: SettlementRecord, *, amount: Cents | None, reason: str, is_of_credit: bool
) -> Settled:
    check_reversible(original.status, is_reversal=original.reverses_id is not None, is_of_credit=is_of_credit)
    invoice = await invoices.locked(unit, original.invoice_id, None)
    before = await settlements_db.reversed_cents(unit.connection, unit.scope, [original.id])
    reversible = Cents(original.amount_cents - before.get(original.id, 0))
    reversed_cents = reversible if amount is None else amount
    check_reversal(amount=reversed_cents, reversible=reversible)
    return await reverse_locked(unit, invoice, original, reversed_cents, reason=reason)


async def reverse_locked(
    unit: UnitOfWork,
    invoice: InvoiceRecord,
    original: SettlementRecord,
    amount: Cents,
    *,
    reason: str,
    parts: dict[str, Cents] | None = None,
    origin: Origin | None = None,
) -> Settled:
    """Reverse so much of a settlement, whose invoice the caller has locked; `parts` maps lines to amounts, by default
    the last lines first. A share of what the payer had kept back is taken back with it, unless a statement,
    `origin`, takes back cash; by default a person reverses, today."""
    before = await lines_db.allocated(unit.connection, original.id)
    if parts is None:
        shares = take_back(amount, [Cents(each.amount_cents) for each in before.values()])
        parts = dict(zip(before, shares, strict=True))
    row = _reversal(unit, original, amount, reason=reason)
    if origin is not None:
        row = replace(row, paid_on=origin.paid_on, bank_reference=origin.bank_reference)
        row = replace(row, statement_number=origin.statement_number)
    rows = deductions.taken_back(row.id, parts, before, is_cash=origin is not None)
    row = replace(
        row,
        withheld_cents=sum(each.withheld_cents for each in rows),
        discount_cents=sum(each.discount_cents for each in rows),
    )
    kept = await deductions.reversed_deductions(
        unit, original, withheld_cents=row.withheld_cents, discount_cents=row.discount_cents
    )
    lines = await lines_db.of_invoices(unit.connection, unit.scope, [invoice.id])
    unit.count(Counted.REVERSED_CENTS, amount)
    return await _append(unit, invoice, row, lines, _Moved(rows, kept))


@frozen
class _Moved:
    """What a new row of the ledger pays to lines or takes back from them, and what is kept back of it."""

    allocations: Sequence[AllocationRecord]
    deductions: Sequence[Deduction]


async def _append(
    unit: UnitOfWork, invoice: InvoiceRecord, row: SettlementRecord, lines: Sequence[LineRecord], moved: _Moved
) -> Settled:
    is_reversal = row.reverses_id is not None
    action, sign = (InvoiceAction.REVERSE, -1) if is_reversal else (InvoiceAction.SETTLE, 1)
    after = _invoice_after(invoice, action, sign * row.amount_cents)
    await settlements_db.insert_settlement(unit.connection, row)
    await deductions.store(unit, row, moved.deductions)
    await _allocate(unit, lines, moved.allocations, sign)
    await invoices_db.update_invoice(unit.connection, after)
    unit.step(invoice_step(unit, after, action, amount=row.amount_cents, settlement_id=row.id, reason=row.reason))
    name = "SettlementReversed" if is_reversal else "SettlementConfirmed"
    unit.emit(settlement_event(name, row, at=unit.now), *invoices.transition_events(unit, invoice, after))
    unit.changed(row.id)
    unit.changed(after.id)
    return Settled(row, after)


async def _allocate(unit: UnitOfWork, lines: Sequence[LineRecord], rows: Sequence[AllocationRecord], sign: int) -> None:
    await lines_db.insert_allocations(unit.connection, rows)
    moved = {row.line_id: row.amount_cents for row in rows}
    changed = [
        replace(line, settled_cents=line.settled_cents + sign * moved[line.id]) for line in lines if line.id in moved
    ]
    await lines_db.update_amounts(unit.connection, changed)


def _invoice_after(invoice: InvoiceRecord, action: InvoiceAction, change: int) -> InvoiceRecord:
    settled = invoice.settled_cents + change
    total = Cents(invoice.total_cents)
    status = next_status(invoice.status, action, total=total, settled=Cents(settled))
    return replace(invoice, status=status, settled_cents=settled, version=invoice.version + 1)


def _row(unit: UnitOfWork, invoice: InvoiceRecord, payment: Payment) -> SettlementRecord:
    return SettlementRecord(
        id=ids.new_id(ids.SETTLEMENT),
        invoice_id=invoice.id,
        provider_cnes=invoice.provider_cnes,
        payer_ans=invoice.payer_ans,
        reverses_id=None,
        status=next_settlement_status(SettlementStatus.PENDING, SettlementAction.CONFIRM),
        amount_cents=0,
        withheld_cents=withheld(payment.deductions),
        discount_cents=discount(payment.deductions),
        paid_on=payment.paid_on,
        method=payment.method,
        bank_reference=payment.bank_reference,
        statement_number=payment.statement_number,
        reason=None,
        event_id=ids.new_id(ids.EVENT),
        created_by=unit.subject,
        created_at=unit.now,
    )


def _reversal(unit: UnitOfWork, original: SettlementRecord, amount: Cents, *, reason: str) -> SettlementRecord:
    return replace(
        original,
        id=ids.new_id(ids.SETTLEMENT),
        reverses_id=original.id,
        amount_cents=amount,
        paid_on=unit.today,
        reason=reason,
        event_id=ids.new_id(ids.EVENT),
        created_by=unit.subject,
        created_at=unit.now,
    )


def _payment_failures(payment: Payment, today: date) -> list[Failure | None]:
    is_future = payment.paid_on > today
    return [
        Failure(ErrorCode.INVALID_DATE, "the payment date is in the future", "paidOn") if is_future else None,
        *deduction_failures(payment.deductions, gross=payment.amount),
        text_failure(payment.bank_reference, "bankReference", 60),
        ascii_failure(payment.statement_number, "statementNumber", NUMBER_LENGTH_MAX),
    ]


def _stored_facts(settled: Settled) -> Any:
    return [STORED_SETTLEMENT.facts(settled.settlement), invoices.STORED_INVOICE.facts(settled.invoice)]


async def _rebuild(unit: UnitOfWork, facts: Any) -> Settled:
    settlement, invoice = facts
    (row,) = await STORED_SETTLEMENT.read(unit, [settlement])
    (after,) = await invoices.STORED_INVOICE.read(unit, [invoice])
    return Settled(row, after)


STORED_SETTLEMENT: Final = StoredRecord(SettlementRecord, settlements_db.by_ids)
"""Without columns: a row of the ledger never changes."""
_ANSWER: Final[StoredAnswer[Settled]] = StoredAnswer(_stored_facts, _rebuild)
SETTLE: Final = Action(
    "settleInvoice", settle, needs="settlements:create", answer=_ANSWER, offers=InvoiceOperation.SETTLE
)
REVERSE: Final = Action(
    "reverseSettlement",
    reverse,
    needs="settlements:reverse",
    answer=_ANSWER,
    offers=(InvoiceOperation.REVERSE_SETTLEMENT, SettlementOperation.REVERSE),
)
