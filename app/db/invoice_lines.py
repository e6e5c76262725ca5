"""Queries on the lines of invoices and on which settlement pays which line."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.children import Children
from app.db.engine import fetch, run
from app.db.filters import Condition, one_of
from app.db.records import columns, insert_records, update_columns
from app.db.scoping import claims_in, invoices_in
from app.db.statements import query, query_by_keys
from app.db.tables import allocations, claims, invoice_lines, invoices, settlements
from app.domain.data_scope import DataScope
from app.domain.invoices import InvoiceLineKind, InvoiceStatus
from app.domain.settlements import SettlementStatus
from app.values.frozen import frozen


@frozen
class LineRecord:
    id: str
    invoice_id: str
    kind: InvoiceLineKind
    claim_id: str | None
    denial_id: str | None
    billed_claim_id: str | None
    billed_denial_id: str | None
    amount_cents: int
    debited_cents: int
    settled_cents: int
    reason: str | None
    created_at: datetime

    @property
    def due_cents(self) -> int:
        """What may still be paid on this line, in cents; nothing on a debit, which lowers what other lines may get."""
        return 0 if self.kind is InvoiceLineKind.DEBIT else self.amount_cents - self.debited_cents - self.settled_cents


@frozen
class AllocationRecord:
    """How much of a settlement (or reversal) went to (or came back from) a line."""

    id: str
    settlement_id: str
    line_id: str
    amount_cents: int
    withheld_cents: int
    discount_cents: int


@frozen
class LineFilter:
    """A line matches when every given part does."""

    kind: tuple[InvoiceLineKind, ...] | None = None


LINE = columns(invoice_lines, LineRecord)
ALLOCATION = columns(allocations, AllocationRecord)


async def insert_lines(connection: AsyncConnection, lines: Sequence[LineRecord]) -> None:
    """New lines; IntegrityError when a claim or a won appeal is billed already."""
    await insert_records(connection, invoice_lines, lines)


async def update_amounts(connection: AsyncConnection, lines: Sequence[LineRecord]) -> None:
    """Write what debits took and payments paid; the invoice of the lines is locked."""
    await update_columns(connection, invoice_lines, lines, "debited_cents", "settled_cents")


async def update_billed(connection: AsyncConnection, line: LineRecord) -> None:
    """Write what a line bills; its invoice is locked."""
    await update_columns(connection, invoice_lines, [line], "amount_cents")


async def release(connection: AsyncConnection, invoice_id: str) -> None:
    """Let the claims and won appeals of a cancelled invoice be billed again."""
    lines = update(invoice_lines).where(invoice_lines.c.invoice_id == invoice_id)
    await run(connection, lines.values(billed_claim_id=None, billed_denial_id=None))


def _visible(scope: DataScope) -> Select[Any]:
    return select(*LINE).join(invoices, invoices.c.id == invoice_lines.c.invoice_id).where(invoices_in(scope))


def _conditions(where: LineFilter) -> list[Condition]:
    return one_of((invoice_lines.c.kind, where.kind))


def _of_one_kind(where: LineFilter | None) -> Sequence[LineFilter | None]:
    kinds = sorted(set(where.kind or ())) if where else ()
    return [LineFilter((kind,)) for kind in kinds] or [where]


OF_INVOICE: Final = Children(_visible, invoice_lines.c.invoice_id, LineRecord, _conditions, parts=_of_one_kind)


@query(LineRecord)
def of_invoices(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The lines of those of these invoices that are within the scope, oldest first."""
    return _visible(scope).where(invoice_lines.c.invoice_id.in_(ids)).order_by(invoice_lines.c.id)


@query(LineRecord)
def by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The lines with these ids whose invoices are within the scope."""
    return _visible(scope).where(invoice_lines.c.id.in_(ids))


@query(LineRecord)
def of_won_appeals(scope: DataScope, denial_ids: Sequence[str]) -> Select[Any]:
    """The lines of active invoices that bill the won appeals against these denials."""
    return _visible(scope).where(invoice_lines.c.billed_denial_id.in_(denial_ids))


@query_by_keys(LineRecord)
def of_claims(scope: DataScope, claim_ids: Sequence[str]) -> Select[Any]:
    """The lines that bill these claims and their won appeals on invoices that are not cancelled, oldest first.

    The scope is that of the claim: patients see no invoices, but they do see what was paid of their own claims.
    """
    query = select(*LINE).join(invoices, invoices.c.id == invoice_lines.c.invoice_id)
    query = query.join(claims, claims.c.id == invoice_lines.c.claim_id).where(claims_in(scope))
    query = query.where(invoices.c.status != InvoiceStatus.CANCELLED).order_by(invoice_lines.c.id)
    return query.where(invoice_lines.c.claim_id.in_(claim_ids))


async def billed_claims(connection: AsyncConnection, claim_ids: Sequence[str]) -> set[str]:
    """Which of these claims an active invoice bills; the line of a won appeal does not count as its claim's."""
    column = invoice_lines.c.billed_claim_id
    return {row[0] for row in (await connection.execute(select(column).where(column.in_(claim_ids)))).all()}


async def insert_allocations(connection: AsyncConnection, rows: Sequence[AllocationRecord]) -> None:
    """Store which lines a settlement pays."""
    await insert_records(connection, allocations, rows)


async def allocated(connection: AsyncConnection, settlement_id: str) -> dict[str, AllocationRecord]:
    """Line id -> what of this settlement is left on that line: what was paid to it minus what reversals took back."""
    table = allocations.c
    reversals = select(settlements.c.id).where(settlements.c.reverses_id == settlement_id)
    sums = [func.sum(each) for each in (table.amount_cents, table.withheld_cents, table.discount_cents)]
    taken = select(table.line_id, *sums).where(table.settlement_id.in_(reversals)).group_by(table.line_id)
    taken_back = {line: list(map(int, cents)) for line, *cents in (await connection.execute(taken)).all()}
    query = select(*ALLOCATION).where(table.settlement_id == settlement_id).order_by(table.line_id)
    rows = await fetch(connection, query, AllocationRecord)
    return {row.line_id: _less(row, *taken_back.get(row.line_id, (0, 0, 0))) for row in rows}


async def payments_of_line(connection: AsyncConnection, line_id: str) -> dict[str, int]:
    """Settlement id -> cents of it that are left on this line, newest first; the caller has locked the invoice."""
    payment = func.coalesce(settlements.c.reverses_id, settlements.c.id).label("payment")
    sign = case((settlements.c.reverses_id.is_(None), 1), else_=-1)
    query = select(payment, func.sum(sign * allocations.c.amount_cents))
    query = query.join(allocations, allocations.c.settlement_id == settlements.c.id)
    query = query.where(allocations.c.line_id == line_id, settlements.c.status == SettlementStatus.CONFIRMED)
    rows = (await connection.execute(query.group_by(payment).order_by(payment.desc()))).all()
    return {settlement: int(cents) for settlement, cents in rows if cents}


def _less(row: AllocationRecord, amount: int, withheld: int, discount: int) -> AllocationRecord:
    return replace(
        row,
        amount_cents=row.amount_cents - amount,
        withheld_cents=row.withheld_cents - withheld,
        discount_cents=row.discount_cents - discount,
    )
