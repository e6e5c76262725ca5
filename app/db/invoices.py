"""Queries on invoices; those on their lines are in `invoice_lines`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import FromClause, Select, and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.children import Children
from app.db.counting import CANDIDATES_MAX, row_count
from app.db.denials import DISPUTED
from app.db.engine import fetch_in, run, scalar
from app.db.filters import OPEN_RANGE, Bounds, Condition, Elsewhere, one_of, within
from app.db.pages import Chosen, Others, Start, Values
from app.db.paging import Keyset
from app.db.records import columns, insert_records, update_record
from app.db.reference_tables import providers
from app.db.scoping import invoices_in, parties_of
from app.db.statements import query, query_one, query_pairs, query_total
from app.db.sums import Amounts
from app.db.tables import denials, invoice_lines, invoices
from app.domain.data_scope import DataScope
from app.domain.denials import IN_DISPUTE
from app.domain.invoices import InvoiceLineKind, InvoiceStatus
from app.domain.money import Cents
from app.values.frozen import frozen

OPEN = (InvoiceStatus.ISSUED, InvoiceStatus.PARTIALLY_SETTLED)


@frozen
class InvoiceRecord:
    id: str
    number: int
    provider_cnes: str
    payer_ans: str
    billing_month: str
    status: InvoiceStatus
    total_cents: int
    settled_cents: int
    due_date: date | None
    version: int
    created_by: str
    created_at: datetime
    issued_at: datetime | None

    @property
    def due_cents(self) -> int:
        """What is still to be paid: total minus settled."""
        return self.total_cents - self.settled_cents


@frozen
class InvoiceFilter:
    """An invoice matches when every given part does; ranges include both ends, amounts are cents."""

    ids: tuple[str, ...] | None = None
    status: tuple[InvoiceStatus, ...] | None = None
    payers: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None
    numbers: tuple[int, ...] | None = None
    billing_months: tuple[str, ...] | None = None
    due_date: Bounds[date] = OPEN_RANGE
    created_at: Bounds[datetime] = OPEN_RANGE
    total_cents: Bounds[int] = OPEN_RANGE
    is_overdue: bool | None = None
    today: date | None = None
    is_in_dispute: bool | None = None


@frozen
class InvoiceSums:
    """Sums over invoices, in cents."""

    total_cents: Cents
    settled_cents: Cents
    due_cents: Cents


_DUE = invoices.c.total_cents - invoices.c.settled_cents
AMOUNTS: Final = Amounts(InvoiceSums, (invoices.c.total_cents, invoices.c.settled_cents, _DUE))
INVOICE = columns(invoices, InvoiceRecord)
_ASKED_MAX: Final = CANDIDATES_MAX // 4
"""The lines of each invoice are read, and the denials of their claims."""


def _visible(scope: DataScope) -> Select[Any]:
    return select(*INVOICE).where(invoices_in(scope))


@query(InvoiceRecord)
def by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The invoices with these ids within the scope."""
    return _visible(scope).where(invoices.c.id.in_(ids))


@query_one(InvoiceRecord)
def lock(scope: DataScope, invoice_id: str) -> Select[Any]:
    """The invoice, locked until the transaction ends: its money changes under this lock only."""
    return _visible(scope).where(invoices.c.id == invoice_id).with_for_update()


@query(InvoiceRecord)
def page(scope: DataScope, where: InvoiceFilter, keyset: Keyset) -> Select[Any]:
    """One page of the invoices within the scope."""
    is_narrow = keyset.is_narrow or where.is_overdue is True
    return _chosen(scope, where).page(INVOICE, replace(keyset, is_narrow=is_narrow))


@query_total(row_count)
def count(scope: DataScope, where: InvoiceFilter, most: int = _ASKED_MAX) -> Select[Any]:
    """How many invoices within the scope match the filter; at most so many are asked for disputes."""
    return _chosen(scope, where).count(most)


@query_total(AMOUNTS.of)
def sums(scope: DataScope, where: InvoiceFilter) -> Select[Any]:
    """Sums over the invoices within the scope that match the filter."""
    return select(*AMOUNTS.totals).where(*_chosen(scope, where).every)


async def next_number(connection: AsyncConnection, provider_cnes: str) -> int:
    """The provider's next invoice number; its row stays locked until commit, so that no number is lost or doubled."""
    row = providers.c
    raised = update(providers).where(row.cnes == provider_cnes).values(last_invoice_number=row.last_invoice_number + 1)
    await run(connection, raised)
    return int(await scalar(connection, select(row.last_invoice_number).where(row.cnes == provider_cnes)))


async def insert_invoice(connection: AsyncConnection, invoice: InvoiceRecord) -> None:
    """A new invoice, still without lines."""
    await insert_records(connection, invoices, [invoice])


async def lock_many(connection: AsyncConnection, scope: DataScope, ids: Sequence[str]) -> list[InvoiceRecord]:
    """Several invoices locked at once, in id order so that two callers cannot deadlock."""
    query = _visible(scope).order_by(invoices.c.id).with_for_update()
    return await fetch_in(connection, query, invoices.c.id, sorted(ids), InvoiceRecord)


async def update_invoice(connection: AsyncConnection, invoice: InvoiceRecord) -> None:
    """Write the whole row of an invoice that the caller has locked."""
    await update_record(connection, invoices, invoice)


@query_pairs(InvoiceRecord)
def invoices_of_claims(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """Claim -> its active invoice, for each of these claims that has one."""
    line = invoice_lines.c
    query = select(line.billed_claim_id, *INVOICE).join(invoice_lines, line.invoice_id == invoices.c.id)
    return query.where(line.billed_claim_id.in_(ids), invoices_in(scope))


def _visible_of_claims(scope: DataScope) -> Select[Any]:
    # A claim and its won appeals may be on the same invoice, which is listed once: by the first of these lines.
    line, earlier = invoice_lines.c, invoice_lines.alias("earlier")
    repeated = select(earlier.c.id).where(earlier.c.claim_id == line.claim_id, earlier.c.id < line.id)
    is_first = ~repeated.where(earlier.c.invoice_id == line.invoice_id).exists()
    return _visible(scope).join(invoice_lines, line.invoice_id == invoices.c.id).where(is_first)


OF_CLAIM: Final = Children(_visible_of_claims, invoice_lines.c.claim_id, InvoiceRecord, amounts=AMOUNTS)


@query_pairs(int)
def disputed_cents(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """Invoice id -> cents in dispute on its claims; invoices without any are left out."""
    line = invoice_lines.c
    return (
        select(line.invoice_id, func.sum(DISPUTED))
        .join(invoices, invoices.c.id == line.invoice_id)
        .join(denials, denials.c.claim_id == line.claim_id)
        .where(line.invoice_id.in_(ids), line.kind == InvoiceLineKind.CLAIM, invoices_in(scope))
        .where(denials.c.status.in_(sorted(IN_DISPUTE)), invoices.c.status != InvoiceStatus.CANCELLED)
        .group_by(line.invoice_id)
    )


def _chosen(scope: DataScope, where: InvoiceFilter) -> Chosen:
    # The overdue ones are few: all of them are sorted, instead of looking for them among those of the last years.
    values = [] if where.is_overdue else _values(scope, where)
    conditions, table = _conditions(where), invoices.c
    start = _DISPUTED_FIRST if where.is_in_dispute else None
    others = Others((table.id, table.status), elsewhere=lambda invoice: _elsewhere(where, invoice))
    return Chosen(invoices, [invoices_in(scope), *conditions], values, others, start, newest=table.created_at)


def _conditions(where: InvoiceFilter) -> list[Condition]:
    table = invoices.c
    found = one_of(
        (table.id, where.ids),
        (table.status, where.status),
        (table.payer_ans, where.payers),
        (table.provider_cnes, where.providers),
        (table.number, where.numbers),
        (table.billing_month, where.billing_months),
    )
    found += within(
        (table.due_date, where.due_date), (table.created_at, where.created_at), (table.total_cents, where.total_cents)
    )
    if where.is_overdue is not None:
        found += _overdue(where.today) if where.is_overdue else [~and_(*_overdue(where.today))]
    return found


def _overdue(today: date | None) -> list[Condition]:
    # A draft has no due date: nothing of it is overdue.
    return [invoices.c.status.in_(OPEN), invoices.c.due_date.is_not(None), invoices.c.due_date < today]


def _values(scope: DataScope, where: InvoiceFilter) -> list[Values]:
    table = invoices.c
    parties = parties_of(scope, table.provider_cnes, where.providers, table.payer_ans, where.payers)
    return [(table.status, where.status), (table.billing_month, where.billing_months), *parties]


def _elsewhere(where: InvoiceFilter, invoice: Any) -> list[Elsewhere]:
    if where.is_in_dispute is None:
        return []
    query = select(denials.c.id).join(invoice_lines, invoice_lines.c.claim_id == denials.c.claim_id)
    query = query.where(invoice_lines.c.invoice_id == invoice.id, _IS_DISPUTED)
    # Only lines of claims: a recovery bills a denial that is decided, and a cancelled invoice bills nothing.
    query = query.where(invoice_lines.c.kind == InvoiceLineKind.CLAIM, invoice.status != InvoiceStatus.CANCELLED)
    return [Elsewhere(query, where.is_in_dispute)]


def _invoice_of(denial: FromClause) -> FromClause:
    lines = denial.join(invoice_lines, invoice_lines.c.claim_id == denial.c.claim_id)
    return lines.join(invoices, invoices.c.id == invoice_lines.c.invoice_id)


_IS_DISPUTED: Final = denials.c.status.in_(sorted(IN_DISPUTE))
_DISPUTED_FIRST: Final = Start(
    select(denials.c.claim_id).where(_IS_DISPUTED), _invoice_of, [invoice_lines.c.claim_id, invoices.c.id]
)
