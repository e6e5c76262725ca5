"""Writing the history: each step of a claim or an invoice, beside the change in its transaction."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import history as history_db
from app.db.claims import ClaimRecord
from app.db.denials import DenialRecord
from app.db.history import ClaimStep, InvoiceStep
from app.db.invoices import InvoiceRecord
from app.domain import ids
from app.domain.claims import ClaimAction
from app.domain.denials import DenialAction
from app.domain.invoices import InvoiceAction


def claim_step(
    claim: ClaimRecord, action: ClaimAction, *, actor: str, at: datetime, reason: str | None = None
) -> ClaimStep:
    """The claim after one of its own steps."""
    return _step(claim, action=action, denial=None, denial_action=None, amount=None, actor=actor, at=at, reason=reason)


def denial_step(
    claim: ClaimRecord, denial: DenialRecord, action: DenialAction, *, amount: int, actor: str, at: datetime
) -> ClaimStep:
    """The claim after a step of one of its denials; `amount` is what the step is about, in cents."""
    return _step(
        claim, action=None, denial=denial, denial_action=action, amount=amount, actor=actor, at=at, reason=None
    )


def _step(
    claim: ClaimRecord,
    *,
    action: ClaimAction | None,
    denial: DenialRecord | None,
    denial_action: DenialAction | None,
    amount: int | None,
    actor: str,
    at: datetime,
    reason: str | None,
) -> ClaimStep:
    return ClaimStep(
        id=ids.new_id(ids.HISTORY),
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
        actor=actor,
        at=at,
    )


async def record(connection: AsyncConnection, *steps: ClaimStep) -> None:
    """Keep steps of claims."""
    await history_db.insert_claim_steps(connection, steps)


async def record_invoice(
    connection: AsyncConnection,
    invoice: InvoiceRecord,
    action: InvoiceAction,
    *,
    actor: str,
    at: datetime,
    amount: int | None = None,
    settlement_id: str | None = None,
    line_id: str | None = None,
    reason: str | None = None,
) -> None:
    """Keep a step of an invoice; `amount` is what was settled, reversed or adjusted, in cents."""
    step = InvoiceStep(
        id=ids.new_id(ids.HISTORY),
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
        actor=actor,
        at=at,
    )
    await history_db.insert_invoice_steps(connection, [step])
