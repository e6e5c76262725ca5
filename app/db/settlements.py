"""Queries on the settlement ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import fetch, fetch_one, scalar
from app.db.filters import OPEN_RANGE, Bounds, Condition, equal, one_of, within
from app.db.paging import Keyset
from app.db.records import columns, insert_records
from app.db.scoping import settlements_in
from app.db.sums import summed, total
from app.db.tables import settlements
from app.domain.data_scope import DataScope
from app.domain.money import Cents
from app.domain.settlements import PaymentMethod, SettlementStatus


@dataclass(frozen=True, slots=True)
class SettlementRecord:
    id: str
    invoice_id: str
    provider_cnes: str
    payer_ans: str
    reverses_id: str | None
    status: SettlementStatus
    amount_cents: int
    paid_on: date
    method: PaymentMethod
    bank_reference: str | None
    statement_number: str | None
    reason: str | None
    event_id: str
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SettlementFilter:
    """A settlement matches when every given part does; ranges include both ends, amounts are cents."""

    ids: tuple[str, ...] | None = None
    payers: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None
    invoice: str | None = None
    methods: tuple[PaymentMethod, ...] | None = None
    paid_on: Bounds[date] = OPEN_RANGE
    created_at: Bounds[datetime] = OPEN_RANGE
    amount_cents: Bounds[int] = OPEN_RANGE


@dataclass(frozen=True, slots=True)
class SettlementSums:
    """Sums over settlements, in cents; `net` is what was paid less what was taken back."""

    paid_cents: Cents
    reversed_cents: Cents
    net_cents: Cents


SETTLEMENT = columns(settlements, SettlementRecord)


async def by_ids(connection: AsyncConnection, scope: DataScope, ids: Sequence[str]) -> list[SettlementRecord]:
    """The settlements with these ids within the scope."""
    query = select(*SETTLEMENT).where(settlements.c.id.in_(ids), settlements_in(scope))
    return await fetch(connection, query, SettlementRecord)


async def one(connection: AsyncConnection, scope: DataScope, settlement_id: str) -> SettlementRecord | None:
    """One settlement; its money is protected by the lock on its invoice."""
    query = select(*SETTLEMENT).where(settlements.c.id == settlement_id, settlements_in(scope))
    return await fetch_one(connection, query, SettlementRecord)


async def page(
    connection: AsyncConnection, scope: DataScope, where: SettlementFilter, keyset: Keyset
) -> list[SettlementRecord]:
    """One page of the settlements within the scope."""
    query = select(*SETTLEMENT).where(settlements_in(scope), *_conditions(where))
    return await fetch(connection, keyset.apply(query), SettlementRecord)


async def count(connection: AsyncConnection, scope: DataScope, where: SettlementFilter) -> int:
    """How many settlements within the scope match the filter."""
    query = select(func.count()).select_from(settlements).where(settlements_in(scope), *_conditions(where))
    return int(await scalar(connection, query))


async def sums(connection: AsyncConnection, scope: DataScope, where: SettlementFilter) -> SettlementSums:
    """Sums over the confirmed settlements within the scope that match the filter."""
    table = settlements.c
    paid = case((table.reverses_id.is_(None), table.amount_cents), else_=0)
    reversed_ = table.amount_cents - paid
    confirmed = table.status == SettlementStatus.CONFIRMED
    query = select(total(paid), total(reversed_), total(paid - reversed_)).where(confirmed)
    return await summed(connection, query.where(settlements_in(scope), *_conditions(where)), SettlementSums)


async def insert_settlement(connection: AsyncConnection, record: SettlementRecord) -> None:
    """Append one ledger row; rows are never changed afterwards."""
    await insert_records(connection, settlements, [record])


async def of_invoices(connection: AsyncConnection, scope: DataScope, ids: Sequence[str]) -> list[SettlementRecord]:
    """The ledger rows of these invoices, oldest first."""
    query = select(*SETTLEMENT).where(settlements.c.invoice_id.in_(ids), settlements_in(scope))
    return await fetch(connection, query.order_by(settlements.c.id), SettlementRecord)


async def reversed_cents(connection: AsyncConnection, settlement_id: str) -> int:
    """Cents of this settlement that have been reversed."""
    total = func.coalesce(func.sum(settlements.c.amount_cents), 0)
    confirmed = settlements.c.status == SettlementStatus.CONFIRMED
    return int(await scalar(connection, select(total).where(settlements.c.reverses_id == settlement_id, confirmed)))


def _conditions(where: SettlementFilter) -> list[Condition]:
    table = settlements.c
    matching = one_of(
        (table.id, where.ids),
        (table.payer_ans, where.payers),
        (table.provider_cnes, where.providers),
        (table.method, where.methods),
    )
    ranges = within(
        (table.paid_on, where.paid_on),
        (table.created_at, where.created_at),
        (table.amount_cents, where.amount_cents),
    )
    return [*matching, *equal((table.invoice_id, where.invoice)), *ranges]
