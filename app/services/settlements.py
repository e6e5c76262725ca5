"""The settlement ledger: settle and reverse, always under the lock of the invoice."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import invoices as invoices_db
from app.db import settlements as settlements_db
from app.db.invoices import InvoiceRecord
from app.db.settlements import SettlementRecord
from app.domain import ids
from app.domain.errors import ErrorCode, Failure, conflict, not_found, raise_any
from app.domain.invoices import InvoiceAction, InvoiceStatus, next_status
from app.domain.money import Cents
from app.domain.scope import Scope
from app.domain.settlements import (
    PaymentMethod,
    SettlementAction,
    SettlementStatus,
    check_reversal,
    check_settlement,
)
from app.domain.settlements import next_status as next_settlement_status
from app.domain.text import text_failure
from app.events import outbox
from app.events.contracts import Event, invoice_event, settlement_event
from app.services import invoices

TRANSITION_EVENTS: Final = {
    InvoiceStatus.SETTLED: "InvoiceSettled",
    InvoiceStatus.PARTIALLY_SETTLED: "InvoicePartiallySettled",
}


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
    scope: Scope,
    invoice_id: str,
    payment: Payment,
    version: int | None,
    subject: str,
    now: datetime,
) -> Settled:
    """Record a payment, in full or in part; OVER_SETTLEMENT above what is due."""
    raise_any(_payment_failures(payment, now.date()))
    invoice = await invoices.locked(connection, scope, invoice_id, version)
    amount = Cents(invoice.due_cents) if payment.amount is None else payment.amount
    # The table is asked before the sum: a draft or cancelled invoice is CONFLICT whatever the amount.
    _moved(invoice, InvoiceAction.SETTLE, 0)
    check_settlement(amount=amount, due=Cents(invoice.due_cents))
    row = replace(_row(invoice, payment, subject=subject, now=now), amount_cents=amount)
    return await _append(connection, invoice, InvoiceAction.SETTLE, row, now)


async def reverse(
    connection: AsyncConnection,
    *,
    scope: Scope,
    settlement_id: str,
    amount: Cents | None,
    reason: str,
    subject: str,
    now: datetime,
) -> Settled:
    """Take a settlement back, wholly or in part; the reversal is a ledger row of its own."""
    failure = text_failure(reason, "reason", 200)
    raise_any([failure] if failure else [])
    original = await settlements_db.one(connection, scope, settlement_id)
    if original is None:
        raise not_found("settlement", settlement_id)
    if original.reverses_id is not None or original.status is not SettlementStatus.CONFIRMED:
        raise conflict("only a confirmed settlement can be reversed", "id")
    invoice = await invoices.locked(connection, scope, original.invoice_id, None)
    standing = Cents(original.amount_cents - await settlements_db.reversed_cents(connection, settlement_id))
    undone = standing if amount is None else amount
    check_reversal(amount=undone, standing=standing)
    row = _reversal(original, undone, reason=reason, subject=subject, now=now)
    return await _append(connection, invoice, InvoiceAction.REVERSE, row, now)


async def _append(
    connection: AsyncConnection, invoice: InvoiceRecord, action: InvoiceAction, row: SettlementRecord, now: datetime
) -> Settled:
    sign = -1 if action is InvoiceAction.REVERSE else 1
    after = _moved(invoice, action, sign * row.amount_cents)
    await settlements_db.insert_settlement(connection, row)
    await invoices_db.update_invoice(connection, after)
    name = "SettlementReversed" if action is InvoiceAction.REVERSE else "SettlementConfirmed"
    await outbox.record(connection, settlement_event(name, row, at=now), *_transition(invoice, after, now))
    return Settled(row, after)


def _moved(invoice: InvoiceRecord, action: InvoiceAction, change: int) -> InvoiceRecord:
    settled = invoice.settled_cents + change
    total = Cents(invoice.total_cents)
    status = next_status(invoice.status, action, total=total, settled=Cents(settled))
    return replace(invoice, status=status, settled_cents=settled, version=invoice.version + 1)


def _transition(before: InvoiceRecord, after: InvoiceRecord, now: datetime) -> list[Event]:
    """One event when the status changes, none when a payment leaves it where it was."""
    if before.status is after.status:
        return []
    was_settled = before.status is InvoiceStatus.SETTLED
    went_back = was_settled or after.status is InvoiceStatus.ISSUED
    name = "InvoiceReopened" if went_back else TRANSITION_EVENTS[after.status]
    return [invoice_event(name, after, at=now)]


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
        paid_on=now.date(),
        reason=reason,
        event_id=ids.new_id(ids.EVENT),
        created_by=subject,
        created_at=now,
    )


def _payment_failures(payment: Payment, today: date) -> list[Failure]:
    found: list[Failure | None] = []
    if payment.paid_on > today:
        found.append(Failure(ErrorCode.INVALID_DATE, "the payment date is in the future", "paidOn"))
    if payment.bank_reference is not None:
        found.append(text_failure(payment.bank_reference, "bankReference", 60))
    if payment.statement_number is not None:
        found.append(text_failure(payment.statement_number, "statementNumber", 20))
        if not payment.statement_number.isascii():
            found.append(Failure(ErrorCode.INVALID_INPUT, "only ASCII characters are allowed", "statementNumber"))
    return [failure for failure in found if failure is not None]
