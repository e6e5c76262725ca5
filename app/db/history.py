"""Queries on the history of claims and invoices: one row per step, written in the transaction of the step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.children import Children
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


def _visible_claim_steps(scope: DataScope) -> Select[Any]:
    return select(*CLAIM_STEP).join(claims, claims.c.id == claim_history.c.claim_id).where(claims_in(scope))


def _visible_invoice_steps(scope: DataScope) -> Select[Any]:
    query = select(*INVOICE_STEP).join(invoices, invoices.c.id == invoice_history.c.invoice_id)
    return query.where(invoices_in(scope))


OF_CLAIM: Final = Children(_visible_claim_steps, claim_history.c.claim_id, ClaimStep)
OF_INVOICE: Final = Children(_visible_invoice_steps, invoice_history.c.invoice_id, InvoiceStep)
