"""Queries on the history of claims and invoices: one row per step, written in the transaction of the step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import fetch, run
from app.db.records import columns, insert_records
from app.db.scoping import claims_in, invoices_in
from app.db.tables import claim_history, claims, invoice_history, invoices
from app.domain.claims import ClaimAction, ClaimStatus
from app.domain.data_scope import DataScope
from app.domain.denials import DenialAction, DenialStatus
from app.domain.invoices import InvoiceAction, InvoiceStatus


@dataclass(frozen=True, slots=True)
class ClaimStep:
    """A step of the claim (`action`) or of one of its denials (`denial_action`), and the claim's row after it."""

    id: str
    claim_id: str
    action: ClaimAction | None
    status: ClaimStatus
    version: int
    denial_id: str | None
    denial_action: DenialAction | None
    denial_status: DenialStatus | None
    amount_cents: int | None
    claimed_cents: int
    processed_cents: int | None
    approved_cents: int | None
    denied_cents: int | None
    payer_claim_number: str | None
    reason: str | None
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class InvoiceStep:
    """A step of the invoice, and its row after it; `settlement_id` or `line_id` name what the step is about."""

    id: str
    invoice_id: str
    action: InvoiceAction
    status: InvoiceStatus
    version: int
    settlement_id: str | None
    line_id: str | None
    amount_cents: int | None
    total_cents: int
    settled_cents: int
    reason: str | None
    actor: str
    at: datetime


CLAIM_STEP = columns(claim_history, ClaimStep)
INVOICE_STEP = columns(invoice_history, InvoiceStep)


async def insert_claim_steps(connection: AsyncConnection, steps: Sequence[ClaimStep]) -> None:
    """Append steps of claims; they are never changed."""
    await insert_records(connection, claim_history, steps)


async def insert_invoice_steps(connection: AsyncConnection, steps: Sequence[InvoiceStep]) -> None:
    """Append steps of invoices; they are never changed."""
    await insert_records(connection, invoice_history, steps)


async def delete_of_draft(connection: AsyncConnection, claim_id: str) -> None:
    """Delete the steps of a draft that is about to be deleted; of any other claim they stay."""
    await run(connection, delete(claim_history).where(claim_history.c.claim_id == claim_id))


async def of_claims(connection: AsyncConnection, scope: DataScope, ids: Sequence[str]) -> list[ClaimStep]:
    """The steps of those of these claims that are within the scope, oldest first."""
    query = select(*CLAIM_STEP).join(claims, claims.c.id == claim_history.c.claim_id)
    query = query.where(claim_history.c.claim_id.in_(ids), claims_in(scope)).order_by(claim_history.c.id)
    return await fetch(connection, query, ClaimStep)


async def of_invoices(connection: AsyncConnection, scope: DataScope, ids: Sequence[str]) -> list[InvoiceStep]:
    """The steps of those of these invoices that are within the scope, oldest first."""
    query = select(*INVOICE_STEP).join(invoices, invoices.c.id == invoice_history.c.invoice_id)
    query = query.where(invoice_history.c.invoice_id.in_(ids), invoices_in(scope)).order_by(invoice_history.c.id)
    return await fetch(connection, query, InvoiceStep)
