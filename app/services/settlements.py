"""The settlement ledger: settle and reverse, always under the lock of the invoice."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import invoice_lines as lines_db
from app.db import invoices as invoices_db
from app.db import settlements as settlements_db
from app.db.invoice_lines import AllocationRecord, LineRecord
from app.db.invoices import InvoiceRecord
from app.db.settlements import SettlementRecord
from app.domain import ids
from app.domain.allocation import spread, take_back
from app.domain.calendar import business_day
from app.domain.data_scope import DataScope
from app.domain.errors import ErrorCode, Failure, conflict, not_found, raise_any
from app.domain.identifiers import NUMBER_LENGTH_MAX
from app.domain.invoices import InvoiceAction, next_status
from app.domain.money import Cents
from app.domain.settlements import (
    PaymentMethod,
    SettlementAction,
    SettlementStatus,
    check_reversal,
    check_settlement,
)
from app.domain.settlements import next_status as next_settlement_status
from app.domain.text import ascii_failure, text_failure
from app.events import outbox
from app.events.contracts import settlement_event
from app.services import history, invoices


@dataclass(frozen=True, slots=True)
class Payment:
    """What the payer paid; without an amount everything that is still due."""

    amount: Cents | None
    paid_on: date
    method: PaymentMethod
    bank_reference: str | None = None
    statement_number: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """A new ledger row and the invoice as it stands after it."""

    settlement: SettlementRecord
    invoice: InvoiceRecord


async def settle(
    connection: AsyncConnection,
    *,
    scope: DataScope,
    invoice_id: str,
    payment: Payment,
    version: int | None,
    subject: str,
    now: datetime,
) -> Settled:
    """Record a payment, in full or in part; OVER_SETTLEMENT above what is due."""
    raise_any(_payment_failures(payment, business_day(now)))
    invoice = await invoices.locked(connection, scope, invoice_id, version)
    return await settle_locked(connection, scope, invoice, payment, subject=subject, now=now)


async def settle_locked(
    connection: AsyncConnection,
    scope: DataScope,
    invoice: InvoiceRecord,
    payment: Payment,
    *,
    subject: str,
    now: datetime,
    parts: dict[str, Cents] | None = None,
) -> Settled:
    """The payment on an invoice that the caller holds; `parts` says which line gets what, else lines fill in order."""
    amount = Cents(invoice.due_cents) if payment.amount is None else payment.amount
    # The table is asked before the sum: a draft or cancelled invoice is CONFLICT whatever the amount.
    _moved(invoice, InvoiceAction.SETTLE, 0)
    check_settlement(amount=amount, due=Cents(invoice.due_cents))
    row = replace(_row(invoice, payment, subject=subject, now=now), amount_cents=amount)
    lines = await lines_db.of_invoices(connection, scope, [invoice.id])
    if parts is None:
        shares = spread(amount, [Cents(line.due_cents) for line in lines])
        parts = {line.id: share for line, share in zip(lines, shares, strict=True) if share}
    return await _append(connection, invoice, InvoiceAction.SETTLE, row, lines, parts, now)


async def reverse(
    connection: AsyncConnection,
    *,
    scope: DataScope,
    settlement_id: str,
    amount: Cents | None,
    reason: str,
    subject: str,
    now: datetime,
) -> Settled:
    """Take a settlement back, wholly or in part; the reversal is a ledger row of its own."""
    raise_any([text_failure(reason, "reason", 200)])
    original = await settlements_db.one(connection, scope, settlement_id)
    if original is None:
        raise not_found("settlement", settlement_id)
    if original.reverses_id is not None or original.status is not SettlementStatus.CONFIRMED:
        raise conflict("only a confirmed settlement can be reversed", "id")
    invoice = await invoices.locked(connection, scope, original.invoice_id, None)
    reversible = Cents(original.amount_cents - await settlements_db.reversed_cents(connection, settlement_id))
    undone = reversible if amount is None else amount
    check_reversal(amount=undone, reversible=reversible)
    row = _reversal(original, undone, reason=reason, subject=subject, now=now)
    held = await lines_db.allocated(connection, settlement_id)
    parts = dict(zip(held, take_back(undone, [Cents(cents) for cents in held.values()]), strict=True))
    lines = await lines_db.of_invoices(connection, scope, [invoice.id])
    return await _append(connection, invoice, InvoiceAction.REVERSE, row, lines, parts, now)


async def _append(
    connection: AsyncConnection,
    invoice: InvoiceRecord,
    action: InvoiceAction,
    row: SettlementRecord,
    lines: Sequence[LineRecord],
    parts: dict[str, Cents],
    now: datetime,
) -> Settled:
    sign = -1 if action is InvoiceAction.REVERSE else 1
    after = _moved(invoice, action, sign * row.amount_cents)
    await settlements_db.insert_settlement(connection, row)
    await _allocate(connection, row, lines, parts, sign)
    await invoices_db.update_invoice(connection, after)
    await history.record_invoice(
        connection,
        after,
        action,
        actor=row.created_by,
        at=now,
        amount=row.amount_cents,
        settlement_id=row.id,
        reason=row.reason,
    )
    name = "SettlementReversed" if action is InvoiceAction.REVERSE else "SettlementConfirmed"
    events = [settlement_event(name, row, at=now), *invoices.transition_events(invoice, after, now)]
    await outbox.record(connection, *events)
    return Settled(row, after)


async def _allocate(
    connection: AsyncConnection, row: SettlementRecord, lines: Sequence[LineRecord], parts: dict[str, Cents], sign: int
) -> None:
    moved = {line: cents for line, cents in parts.items() if cents}
    rows = [AllocationRecord(ids.new_id(ids.ALLOCATION), row.id, line, cents) for line, cents in moved.items()]
    await lines_db.insert_allocations(connection, rows)
    changed = [
        replace(line, settled_cents=line.settled_cents + sign * moved[line.id]) for line in lines if line.id in moved
    ]
    await lines_db.update_amounts(connection, changed)


def _moved(invoice: InvoiceRecord, action: InvoiceAction, change: int) -> InvoiceRecord:
    settled = invoice.settled_cents + change
    total = Cents(invoice.total_cents)
    status = next_status(invoice.status, action, total=total, settled=Cents(settled))
    return replace(invoice, status=status, settled_cents=settled, version=invoice.version + 1)


def _row(invoice: InvoiceRecord, payment: Payment, *, subject: str, now: datetime) -> SettlementRecord:
    return SettlementRecord(
        id=ids.new_id(ids.SETTLEMENT),
        invoice_id=invoice.id,
        provider_cnes=invoice.provider_cnes,
        payer_ans=invoice.payer_ans,
        reverses_id=None,
        status=next_settlement_status(SettlementStatus.PENDING, SettlementAction.CONFIRM),
        amount_cents=0,
        paid_on=payment.paid_on,
        method=payment.method,
        bank_reference=payment.bank_reference,
        statement_number=payment.statement_number,
        reason=None,
        event_id=ids.new_id(ids.EVENT),
        created_by=subject,
        created_at=now,
    )


def _reversal(
    original: SettlementRecord, amount: Cents, *, reason: str, subject: str, now: datetime
) -> SettlementRecord:
    return replace(
        original,
        id=ids.new_id(ids.SETTLEMENT),
        reverses_id=original.id,
        amount_cents=amount,
        paid_on=business_day(now),
        reason=reason,
        event_id=ids.new_id(ids.EVENT),
        created_by=subject,
        created_at=now,
    )


def _payment_failures(payment: Payment, today: date) -> list[Failure | None]:
    found: list[Failure | None] = []
    if payment.paid_on > today:
        found.append(Failure(ErrorCode.INVALID_DATE, "the payment date is in the future", "paidOn"))
    if payment.bank_reference is not None:
        found.append(text_failure(payment.bank_reference, "bankReference", 60))
    if payment.statement_number is not None:
        found.append(ascii_failure(payment.statement_number, "statementNumber", NUMBER_LENGTH_MAX))
    return found
