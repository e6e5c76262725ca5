"""The actions on invoices: create from approved claims and won appeals, adjust, issue, cancel."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy.exc import IntegrityError

from app.db import claims as claims_db
from app.db import denials as denials_db
from app.db import invoice_lines as lines_db
from app.db import invoices as invoices_db
from app.db.claims import ClaimRecord
from app.db.denials import DenialRecord
from app.db.invoice_lines import LineRecord
from app.db.invoices import InvoiceRecord
from app.domain import ids
from app.domain.actions import ClaimOperation, InvoiceOperation
from app.domain.allocation import take_back
from app.domain.claims import invoicing_block
from app.domain.errors import ErrorCode, Failure, check_version, conflict, not_found, raise_any, refuse
from app.domain.identifiers import ans_failure, cnes_failure
from app.domain.invoices import (
    InvoiceAction,
    InvoiceLineKind,
    InvoiceStatus,
    billing_month_failure,
    check_adjustment,
    next_status,
)
from app.domain.money import CENTS_MAX, Cents
from app.domain.refusals import Refusals, checked
from app.domain.text import text_failure
from app.events.contracts import Event, invoice_event
from app.services import contracts, parties
from app.services.history import invoice_step
from app.unit_of_work.action import Action, StoredAnswer, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

CLAIMS_MAX: Final = 100
RECOVERIES_MAX: Final = 500
REASON_LENGTH_MAX: Final = 200
TRANSITION_EVENTS: Final = {
    InvoiceStatus.SETTLED: "InvoiceSettled",
    InvoiceStatus.PARTIALLY_SETTLED: "InvoicePartiallySettled",
}


@frozen
class InvoiceForm:
    """The approved claims that a provider bills to a payer for a billing month (YYYYMM).

    Won appeals of the pair that are on no invoice yet become lines of their own, unless `has_recoveries` is off; then
    only those in `denial_ids` do.
    """

    provider: str
    payer: str
    billing_month: str
    claim_ids: tuple[str, ...]
    has_recoveries: bool = True
    denial_ids: tuple[str, ...] = ()


async def create(unit: UnitOfWork, *, form: InvoiceForm) -> InvoiceRecord:
    """Create a draft with one line per claim, for its approved amount, and one per won appeal."""
    refusals = Refusals(_shape_failures(form))
    with refusals.also():
        claims = await _billable(unit, form)
    if not form.claim_ids:
        # Claims belong to a provider that exists.
        with refusals.also():
            await parties.check(unit.connection, unit.scope, provider=form.provider, payer=form.payer)
    refusals.raise_any()
    # This locks the provider's row, so that two callers cannot both bill the same won appeals.
    number = await invoices_db.next_number(unit.connection, form.provider)
    recoveries = await _recoveries(unit, form)
    lines = [
        *(_claim_line(claim, unit.now) for claim in claims),
        *(_recovery_line(denial, unit.now) for denial in recoveries),
    ]
    invoice = _new_record(unit, form, lines, number)
    await _insert(unit, invoice, [replace(line, invoice_id=invoice.id) for line in lines])
    return _record_step(unit, None, invoice, InvoiceAction.CREATE, "InvoiceCreated")


def _record_step(
    unit: UnitOfWork,
    before: InvoiceRecord | None,
    after: InvoiceRecord,
    action: InvoiceAction,
    event: str,
    *,
    reason: str | None = None,
) -> InvoiceRecord:
    """Add the step of history and the event to the unit; the result is the invoice after the action."""
    unit.step(invoice_step(unit, after, action, reason=reason))
    unit.emit(invoice_event(event, after, previous=before.status if before else None, at=unit.now))
    unit.changed(after.id)
    return after


async def _insert(unit: UnitOfWork, invoice: InvoiceRecord, lines: list[LineRecord]) -> None:
    await invoices_db.insert_invoice(unit.connection, invoice)
    try:
        await lines_db.insert_lines(unit.connection, lines)
    except IntegrityError:
        raise conflict("one of the claims was billed concurrently: remove it or try again", "claimIds") from None


async def _recoveries(unit: UnitOfWork, form: InvoiceForm) -> list[DenialRecord]:
    if not form.has_recoveries:
        return await denials_db.by_ids(unit.connection, unit.scope, form.denial_ids) if form.denial_ids else []
    return await denials_db.won_and_unbilled(unit.connection, unit.scope, form.provider, form.payer, RECOVERIES_MAX)


def _shape_failures(form: InvoiceForm) -> list[Failure | None]:
    found = [
        cnes_failure(form.provider, "provider"),
        ans_failure(form.payer, "payer"),
        billing_month_failure(form.billing_month, "billingMonth"),
    ]
    if len(form.claim_ids) > CLAIMS_MAX or len(set(form.claim_ids)) < len(form.claim_ids):
        message = f"send at most {CLAIMS_MAX} claims, and each claim only once"
        found.append(Failure(ErrorCode.INVALID_INPUT, message, "claimIds"))
    return found


async def _billable(unit: UnitOfWork, form: InvoiceForm) -> list[ClaimRecord]:
    """The claims in input order, locked; raises all reasons why they cannot be billed."""
    claim_ids = form.claim_ids[:CLAIMS_MAX]
    found = {claim.id: claim for claim in await claims_db.lock_many(unit.connection, unit.scope, sorted(claim_ids))}
    billed = await lines_db.billed_claims(unit.connection, claim_ids)
    replaced = await claims_db.replaced_among(unit.connection, claim_ids)
    failures = [
        failure
        for index, claim_id in enumerate(claim_ids)
        if (failure := _claim_failure(form, found.get(claim_id), billed, replaced, f"claimIds.{index}"))
    ]
    raise_any(failures)
    return [found[claim_id] for claim_id in claim_ids]


def _claim_failure(
    form: InvoiceForm, claim: ClaimRecord | None, billed: set[str], replaced: set[str], field: str
) -> Failure | None:
    if claim is None:
        return not_found("claim", field).failures[0]
    # Of a payer that cannot be read no claim is said to be another's.
    if not _is_of(claim.provider_cnes, form.provider) or not _is_of(claim.payer_ans, form.payer):
        return Failure(ErrorCode.CONFLICT, "the claim belongs to another provider or payer", field)
    approved = None if claim.approved_cents is None else Cents(claim.approved_cents)
    block = invoicing_block(claim.status, approved, is_billed=claim.id in billed, is_replaced=claim.id in replaced)
    return None if block is None else replace(block, field=field)


def _is_of(known: str, named: str) -> bool:
    return named in (known, "")


def _new_record(unit: UnitOfWork, form: InvoiceForm, lines: Sequence[LineRecord], number: int) -> InvoiceRecord:
    total = sum(line.amount_cents for line in lines)
    if not lines:
        raise refuse(ErrorCode.INVALID_INPUT, "nothing to bill: name at least one approved claim", "claimIds")
    if total > CENTS_MAX:
        raise refuse(ErrorCode.INVALID_AMOUNT, "the invoice's total is above 99999999.99", "claimIds")
    return InvoiceRecord(
        id=ids.new_id(ids.INVOICE),
        number=number,
        provider_cnes=form.provider,
        payer_ans=form.payer,
        billing_month=form.billing_month,
        status=InvoiceStatus.DRAFT,
        total_cents=total,
        settled_cents=0,
        due_date=None,
        version=1,
        created_by=unit.subject,
        created_at=unit.now,
        issued_at=None,
    )


def _line(kind: InvoiceLineKind, amount: int, at: datetime) -> LineRecord:
    return LineRecord(
        id=ids.new_id(ids.LINE),
        invoice_id="",
        kind=kind,
        claim_id=None,
        denial_id=None,
        billed_claim_id=None,
        billed_denial_id=None,
        amount_cents=amount,
        debited_cents=0,
        settled_cents=0,
        reason=None,
        created_at=at,
    )


def _claim_line(claim: ClaimRecord, at: datetime) -> LineRecord:
    line = _line(InvoiceLineKind.CLAIM, claim.approved_cents or 0, at)
    return replace(line, claim_id=claim.id, billed_claim_id=claim.id)


def _recovery_line(denial: DenialRecord, at: datetime) -> LineRecord:
    line = _line(InvoiceLineKind.RECOVERY, denial.answered_cents or 0, at)
    return replace(line, claim_id=denial.claim_id, denial_id=denial.id, billed_denial_id=denial.id)


async def adjust(
    unit: UnitOfWork,
    *,
    id: str,
    kind: InvoiceLineKind,
    amount: Cents,
    reason: str,
    version: int | None,
) -> InvoiceRecord:
    """Add a credit to the invoice, or subtract a debit from what its last lines still expect."""
    invoice = await checked([text_failure(reason, "reason", REASON_LENGTH_MAX)], locked(unit, id, version))
    _next(invoice, InvoiceAction.ADJUST)
    total, settled = Cents(invoice.total_cents), Cents(invoice.settled_cents)
    check_adjustment(kind=kind, amount=amount, total=total, settled=settled)
    line = replace(_line(kind, amount, unit.now), invoice_id=id, reason=reason)
    if kind is InvoiceLineKind.DEBIT:
        await _debit(unit, invoice, amount)
    await lines_db.insert_lines(unit.connection, [line])
    sign = 1 if kind is InvoiceLineKind.CREDIT else -1
    changed = replace(invoice, total_cents=invoice.total_cents + sign * amount)
    adjusted = replace(changed, status=_next(changed, InvoiceAction.ADJUST), version=invoice.version + 1)
    await invoices_db.update_invoice(unit.connection, adjusted)
    action = InvoiceAction.ADJUST
    unit.step(invoice_step(unit, adjusted, action, amount=sign * amount, line_id=line.id, reason=reason))
    unit.emit(invoice_event("InvoiceAdjusted", adjusted, previous=invoice.status, at=unit.now))
    unit.emit(*transition_events(unit, invoice, adjusted))
    unit.changed(adjusted.id)
    return adjusted


async def _debit(unit: UnitOfWork, invoice: InvoiceRecord, amount: Cents) -> None:
    lines = await lines_db.of_invoices(unit.connection, unit.scope, [invoice.id])
    parts = take_back(amount, [Cents(line.due_cents) for line in lines])
    debited = [
        replace(line, debited_cents=line.debited_cents + part) for line, part in zip(lines, parts, strict=True) if part
    ]
    await lines_db.update_amounts(unit.connection, debited)


async def reduce_line(unit: UnitOfWork, line: LineRecord, amount: Cents, reason: str) -> InvoiceRecord:
    """Lower what a line bills by so much of what is due on it, because the payer has denied it after its decision.

    An invoice of which nothing is left is cancelled. Its line then has its amount as before.
    """
    invoice = await locked(unit, line.invoice_id, None)
    if invoice.total_cents == amount:
        return await cancel(unit, id=invoice.id, version=None, reason=reason)
    await lines_db.update_billed(unit.connection, replace(line, amount_cents=line.amount_cents - amount))
    changed = replace(invoice, total_cents=invoice.total_cents - amount, version=invoice.version + 1)
    reduced = replace(changed, status=_next(changed, InvoiceAction.ADJUST))
    await invoices_db.update_invoice(unit.connection, reduced)
    unit.step(invoice_step(unit, reduced, InvoiceAction.ADJUST, amount=-amount, line_id=line.id, reason=reason))
    unit.emit(invoice_event("InvoiceAdjusted", reduced, previous=invoice.status, at=unit.now))
    unit.emit(*transition_events(unit, invoice, reduced))
    unit.changed(reduced.id)
    return reduced


def transition_events(unit: UnitOfWork, before: InvoiceRecord, after: InvoiceRecord) -> list[Event]:
    """One event if the ledger has changed the status, none otherwise."""
    if before.status is after.status:
        return []
    was_settled = before.status is InvoiceStatus.SETTLED
    is_reopened = was_settled or after.status is InvoiceStatus.ISSUED
    name = "InvoiceReopened" if is_reopened else TRANSITION_EVENTS[after.status]
    return [invoice_event(name, after, previous=before.status, at=unit.now)]


async def issue(
    unit: UnitOfWork,
    *,
    id: str,
    due_date: date | None,
    version: int | None,
) -> InvoiceRecord:
    """Send the invoice to the payer; without a due date it is due after the contract's payment term."""
    today = unit.today
    invoice = await checked([_due_failure(due_date, today)], locked(unit, id, version))
    status = _next(invoice, InvoiceAction.ISSUE)
    terms = await contracts.terms_of(unit.connection, invoice.provider_cnes, invoice.payer_ans)
    due = due_date or today + timedelta(days=terms.payment_term_days)
    issued = replace(invoice, status=status, due_date=due, issued_at=unit.now, version=invoice.version + 1)
    await invoices_db.update_invoice(unit.connection, issued)
    return _record_step(unit, invoice, issued, InvoiceAction.ISSUE, "InvoiceIssued")


def _due_failure(due_date: date | None, today: date) -> Failure | None:
    if due_date is None or due_date >= today:
        return None
    return Failure(ErrorCode.INVALID_DATE, "the due date is in the past", "dueDate")


async def cancel(
    unit: UnitOfWork,
    *,
    id: str,
    version: int | None,
    reason: str | None,
) -> InvoiceRecord:
    """Cancel an invoice on which nothing is settled; its claims can be billed again."""
    invoice = await checked([text_failure(reason, "reason", REASON_LENGTH_MAX)], locked(unit, id, version))
    cancelled = replace(invoice, status=_next(invoice, InvoiceAction.CANCEL), version=invoice.version + 1)
    await invoices_db.update_invoice(unit.connection, cancelled)
    await lines_db.release(unit.connection, id)
    return _record_step(unit, invoice, cancelled, InvoiceAction.CANCEL, "InvoiceCancelled", reason=reason)


def _next(invoice: InvoiceRecord, action: InvoiceAction) -> InvoiceStatus:
    total, settled = Cents(invoice.total_cents), Cents(invoice.settled_cents)
    return next_status(invoice.status, action, total=total, settled=settled)


async def locked(unit: UnitOfWork, invoice_id: str, version: int | None) -> InvoiceRecord:
    """The invoice, locked for a change; NOT_FOUND outside the data scope, STALE_VERSION if it has changed since."""
    invoice = await invoices_db.lock(unit.connection, unit.scope, invoice_id)
    if invoice is None:
        raise not_found("invoice")
    check_version("invoice", invoice.version, version)
    return invoice


STORED_INVOICE: Final = StoredRecord(
    InvoiceRecord,
    invoices_db.by_ids,
    *("status", "version", "total_cents", "settled_cents", "due_date", "issued_at"),
)
INVOICE_ANSWER: Final[StoredAnswer[InvoiceRecord]] = answer_of_one(STORED_INVOICE)
CREATE: Final = Action(
    "createInvoice",
    create,
    needs="invoices:create",
    answer=INVOICE_ANSWER,
    offers=ClaimOperation.INVOICE,
    aggregates=lambda arguments: [arguments["form"].provider, *arguments["form"].claim_ids],
)
ADJUST: Final = Action(
    "adjustInvoice", adjust, needs="invoices:adjust", answer=INVOICE_ANSWER, offers=InvoiceOperation.ADJUST
)
ISSUE: Final = Action(
    "issueInvoice", issue, needs="invoices:issue", answer=INVOICE_ANSWER, offers=InvoiceOperation.ISSUE
)
CANCEL: Final = Action(
    "cancelInvoice", cancel, needs="invoices:cancel", answer=INVOICE_ANSWER, offers=InvoiceOperation.CANCEL
)
