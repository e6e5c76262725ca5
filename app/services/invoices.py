"""The actions on invoices: create from approved claims, issue, cancel."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import claims as claims_db
from app.db import coverage as coverage_db
from app.db import invoices as invoices_db
from app.db.claims import ClaimRecord
from app.db.invoices import InvoiceRecord, LineRecord
from app.domain import ids
from app.domain.claims import INVOICEABLE
from app.domain.errors import BillingError, ErrorCode, Failure, conflict, not_found, raise_any, refuse
from app.domain.identifiers import ans_failure, cnes_failure
from app.domain.invoices import InvoiceAction, InvoiceStatus, competence_failure, next_status
from app.domain.money import CENTS_MAX, Cents
from app.domain.scope import Scope
from app.events import outbox
from app.events.contracts import invoice_event

CLAIMS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class InvoiceData:
    """Which approved claims one provider bills to one payer, for a competence month (YYYYMM)."""

    provider: str
    payer: str
    competence: str
    claim_ids: tuple[str, ...]


async def create(
    connection: AsyncConnection, *, scope: Scope, data: InvoiceData, subject: str, now: datetime
) -> InvoiceRecord:
    """A draft invoice with one line per claim, each with the claim's approved amount."""
    raise_any(_shape_failures(data, scope))
    claims = await _billable(connection, scope, data)
    invoice = await _new_record(connection, data, claims, subject=subject, now=now)
    lines = [_line(invoice.id, claim) for claim in claims]
    try:
        await invoices_db.insert_invoice(connection, invoice, lines)
    except IntegrityError:
        raise conflict("one of the claims has just been billed on another invoice", "claimIds") from None
    await outbox.record(connection, invoice_event("InvoiceCreated", invoice, at=now))
    return invoice


def _shape_failures(data: InvoiceData, scope: Scope) -> list[Failure]:
    found = [
        cnes_failure(data.provider, "provider"),
        ans_failure(data.payer, "payer"),
        competence_failure(data.competence, "competence"),
    ]
    if not 1 <= len(data.claim_ids) <= CLAIMS_MAX or len(set(data.claim_ids)) < len(data.claim_ids):
        message = f"an invoice has 1 to {CLAIMS_MAX} claims, each of them once"
        found.append(Failure(ErrorCode.INVALID_INPUT, message, "claimIds"))
    if not scope.holds(provider=data.provider, payer=data.payer, patient=None):
        found.append(Failure(ErrorCode.NOT_FOUND, f"no provider {data.provider} with payer {data.payer}", "provider"))
    return [failure for failure in found if failure is not None]


async def _billable(connection: AsyncConnection, scope: Scope, data: InvoiceData) -> list[ClaimRecord]:
    """The claims in input order, locked; every reason why one cannot be billed is raised at once."""
    found = {claim.id: claim for claim in await claims_db.lock_many(connection, scope, sorted(data.claim_ids))}
    billed = await invoices_db.billed_claims(connection, data.claim_ids)
    failures = [
        failure
        for index, claim_id in enumerate(data.claim_ids)
        if (failure := _claim_failure(data, found.get(claim_id), claim_id, billed, f"claimIds.{index}"))
    ]
    raise_any(failures)
    return [found[claim_id] for claim_id in data.claim_ids]


def _claim_failure(
    data: InvoiceData, claim: ClaimRecord | None, claim_id: str, billed: set[str], field: str
) -> Failure | None:
    if claim is None:
        return Failure(ErrorCode.NOT_FOUND, f"no claim {claim_id}", field)
    if (claim.provider_cnes, claim.payer_ans) != (data.provider, data.payer):
        return Failure(ErrorCode.CONFLICT, "the claim belongs to another provider or payer", field)
    if claim.status not in INVOICEABLE or not claim.approved_cents:
        return Failure(ErrorCode.CONFLICT, f"a claim that is {claim.status} has nothing to bill", field)
    if claim.id in billed:
        return Failure(ErrorCode.CONFLICT, "the claim is already on an invoice", field)
    return None


async def _new_record(
    connection: AsyncConnection, data: InvoiceData, claims: Sequence[ClaimRecord], *, subject: str, now: datetime
) -> InvoiceRecord:
    total = sum(claim.approved_cents or 0 for claim in claims)
    if total > CENTS_MAX:
        raise refuse(ErrorCode.INVALID_AMOUNT, "the invoice's total is above 99999999.99", "claimIds")
    return InvoiceRecord(
        id=ids.new_id(ids.INVOICE),
        number=await invoices_db.next_number(connection, data.provider),
        provider_cnes=data.provider,
        payer_ans=data.payer,
        competence=data.competence,
        status=InvoiceStatus.DRAFT,
        total_cents=total,
        settled_cents=0,
        due_date=None,
        version=1,
        created_by=subject,
        created_at=now,
        issued_at=None,
    )


def _line(invoice_id: str, claim: ClaimRecord) -> LineRecord:
    return LineRecord(ids.new_id(ids.LINE), invoice_id, claim.id, claim.id, claim.approved_cents or 0)


async def issue(
    connection: AsyncConnection,
    *,
    scope: Scope,
    invoice_id: str,
    due_date: date | None,
    version: int | None,
    now: datetime,
) -> InvoiceRecord:
    """Send the invoice to the payer; without a due date the payer's payment term counts from today."""
    invoice = await locked(connection, scope, invoice_id, version)
    status = _next(invoice, InvoiceAction.ISSUE)
    if due_date is not None and due_date < now.date():
        raise refuse(ErrorCode.INVALID_DATE, "the due date has passed already", "dueDate")
    due = due_date or now.date() + timedelta(days=await _payment_term(connection, invoice))
    issued = replace(invoice, status=status, due_date=due, issued_at=now, version=invoice.version + 1)
    await invoices_db.update_invoice(connection, issued)
    await outbox.record(connection, invoice_event("InvoiceIssued", issued, at=now))
    return issued


async def _payment_term(connection: AsyncConnection, invoice: InvoiceRecord) -> int:
    payer = await coverage_db.payer(connection, invoice.payer_ans)
    return payer.payment_term_days if payer else 30


async def cancel(
    connection: AsyncConnection, *, scope: Scope, invoice_id: str, version: int | None, now: datetime
) -> InvoiceRecord:
    """Withdraw an invoice on which nothing is settled; its claims may be billed again."""
    invoice = await locked(connection, scope, invoice_id, version)
    cancelled = replace(invoice, status=_next(invoice, InvoiceAction.CANCEL), version=invoice.version + 1)
    await invoices_db.update_invoice(connection, cancelled)
    await invoices_db.release_claims(connection, invoice_id)
    await outbox.record(connection, invoice_event("InvoiceCancelled", cancelled, at=now))
    return cancelled


def _next(invoice: InvoiceRecord, action: InvoiceAction) -> InvoiceStatus:
    total, settled = Cents(invoice.total_cents), Cents(invoice.settled_cents)
    return next_status(invoice.status, action, total=total, settled=settled)


async def locked(connection: AsyncConnection, scope: Scope, invoice_id: str, version: int | None) -> InvoiceRecord:
    """The invoice held for a change; NOT_FOUND outside the scope, STALE_VERSION if it has moved on."""
    invoice = await invoices_db.lock(connection, scope, invoice_id)
    if invoice is None:
        raise not_found("invoice", invoice_id)
    check_version(invoice, version)
    return invoice


def check_version(invoice: InvoiceRecord, version: int | None) -> None:
    """STALE_VERSION unless the caller's version, if any, is the present one."""
    if version is not None and version != invoice.version:
        raise _stale(invoice)


def _stale(invoice: InvoiceRecord) -> BillingError:
    return refuse(ErrorCode.STALE_VERSION, f"the invoice has changed: its version is {invoice.version}", "version")
