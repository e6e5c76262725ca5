"""Steps of the history: a claim, a denial or an invoice as it is after an action."""

from app.db.claims import ClaimRecord
from app.db.denials import DenialRecord
from app.db.history import ClaimStep, InvoiceStep
from app.db.invoices import InvoiceRecord
from app.domain import ids
from app.domain.claims import ClaimAction
from app.domain.denials import DenialAction
from app.domain.invoices import InvoiceAction
from app.unit_of_work.unit import UnitOfWork


def claim_step(unit: UnitOfWork, claim: ClaimRecord, action: ClaimAction, *, reason: str | None = None) -> ClaimStep:
    """The claim after one of its own actions."""
    return _step(unit, claim, action=action, denial=None, denial_action=None, amount=None, reason=reason)


def denial_step(
    unit: UnitOfWork, claim: ClaimRecord, denial: DenialRecord, action: DenialAction, *, amount: int
) -> ClaimStep:
    """The claim after an action on one of its denials; `amount` is the amount of the action, in cents."""
    return _step(unit, claim, action=None, denial=denial, denial_action=action, amount=amount, reason=None)


def _step(
    unit: UnitOfWork,
    claim: ClaimRecord,
    *,
    action: ClaimAction | None,
    denial: DenialRecord | None,
    denial_action: DenialAction | None,
    amount: int | None,
    reason: str | None,
) -> ClaimStep:
    return ClaimStep(
        id=ids.new_id(ids.CLAIM_HISTORY),
        claim_id=claim.id,
        action=action,
        status=claim.status,
        version=claim.version,
        denial_id=denial.id if denial else None,
        denial_action=denial_action,
        denial_status=denial.status if denial else None,
        amount_cents=amount,
        claimed_cents=claim.claimed_cents,
        processed_cents=claim.processed_cents,
        approved_cents=claim.approved_cents,
        denied_cents=claim.denied_cents,
        payer_claim_number=claim.payer_claim_number,
        reason=reason,
        actor=unit.subject,
        at=unit.now,
    )


def invoice_step(
    unit: UnitOfWork,
    invoice: InvoiceRecord,
    action: InvoiceAction,
    *,
    amount: int | None = None,
    settlement_id: str | None = None,
    line_id: str | None = None,
    reason: str | None = None,
) -> InvoiceStep:
    """The invoice after an action; `amount` is the amount settled, reversed or adjusted, in cents."""
    return InvoiceStep(
        id=ids.new_id(ids.INVOICE_HISTORY),
        invoice_id=invoice.id,
        action=action,
        status=invoice.status,
        version=invoice.version,
        settlement_id=settlement_id,
        line_id=line_id,
        amount_cents=amount,
        total_cents=invoice.total_cents,
        settled_cents=invoice.settled_cents,
        reason=reason,
        actor=unit.subject,
        at=unit.now,
    )
