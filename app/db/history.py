"""Queries on the history of claims and invoices: one row per step, written in the transaction of the step."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Subquery, Table, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.children import Children
from app.db.engine import run
from app.db.filters import Condition
from app.db.records import columns, insert_records
from app.db.scoping import claims_in, invoices_in
from app.db.statements import query
from app.db.tables import claim_history, claims, denials, invoice_history, invoices
from app.domain.claims import ClaimAction, ClaimStatus
from app.domain.data_scope import DataScope
from app.domain.denials import DenialAction, DenialStatus
from app.domain.invoices import InvoiceAction, InvoiceStatus
from app.values.frozen import frozen


@frozen
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


@frozen
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


@frozen
class Changes:
    """Who made the first step of an object, and the time of its last one."""

    object_id: str
    created_by: str
    updated_at: datetime


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


def _visible_claim_steps(scope: DataScope) -> Select[Any]:
    return select(*CLAIM_STEP).join(claims, claims.c.id == claim_history.c.claim_id).where(claims_in(scope))


def _visible_invoice_steps(scope: DataScope) -> Select[Any]:
    query = select(*INVOICE_STEP).join(invoices, invoices.c.id == invoice_history.c.invoice_id)
    return query.where(invoices_in(scope))


OF_CLAIM: Final = Children(_visible_claim_steps, claim_history.c.claim_id, ClaimStep)
OF_INVOICE: Final = Children(_visible_invoice_steps, invoice_history.c.invoice_id, InvoiceStep)


@query(ClaimStep)
def claim_steps_by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The steps with these ids, of claims within the scope."""
    return _visible_claim_steps(scope).where(claim_history.c.id.in_(ids))


@query(InvoiceStep)
def invoice_steps_by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The steps with these ids, of invoices within the scope."""
    return _visible_invoice_steps(scope).where(invoice_history.c.id.in_(ids))


@query(Changes)
def changes_of_claims(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """Who created these claims, and when they last changed."""
    span = _span(claim_history, claim_history.c.claim_id, ids)
    return _changes(span, claim_history).join(claims, claims.c.id == span.c.object_id).where(claims_in(scope))


@query(Changes)
def changes_of_invoices(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """Who created these invoices, and when they last changed."""
    span = _span(invoice_history, invoice_history.c.invoice_id, ids)
    query = _changes(span, invoice_history).join(invoices, invoices.c.id == span.c.object_id)
    return query.where(invoices_in(scope))


@query(Changes)
def changes_of_denials(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """Who made these denials, and when they last changed."""
    # The claim's id leads to the steps of the denial: the history has no index on denials.
    of_claims = select(denials.c.claim_id).where(denials.c.id.in_(ids))
    span = _span(claim_history, claim_history.c.denial_id, ids, claim_history.c.claim_id.in_(of_claims))
    return _changes(span, claim_history).join(claims, claims.c.id == claim_history.c.claim_id).where(claims_in(scope))


def _span(history: Table, owner: ColumnElement[Any], ids: Sequence[str], *conditions: Condition) -> Subquery:
    """The id of the first step and the time of the last one, for each of these objects."""
    first, last = func.min(history.c.id).label("first_id"), func.max(history.c.at).label("last_at")
    query = select(owner.label("object_id"), first, last).where(owner.in_(ids), *conditions)
    return query.group_by(owner).subquery()


def _changes(span: Subquery, history: Table) -> Select[Any]:
    query = select(span.c.object_id, history.c.actor, span.c.last_at).select_from(span)
    return query.join(history, history.c.id == span.c.first_id)
