"""Queries on the settlement ledger."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Select, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.children import Children
from app.db.counting import row_count
from app.db.filters import OPEN_RANGE, Bounds, Condition, equal, one_of, within
from app.db.pages import Chosen, Values
from app.db.paging import Keyset
from app.db.records import columns, insert_records
from app.db.remittance_tables import remittances
from app.db.scoping import parties_of, settlements_in
from app.db.statements import query, query_one, query_pairs, query_total
from app.db.sums import Amounts
from app.db.tables import settlements
from app.domain.data_scope import DataScope
from app.domain.money import Cents
from app.domain.settlements import PaymentMethod, SettlementStatus
from app.values.frozen import frozen


@frozen
class SettlementRecord:
    id: str
    invoice_id: str
    provider_cnes: str
    payer_ans: str
    reverses_id: str | None
    status: SettlementStatus
    amount_cents: int
    withheld_cents: int
    discount_cents: int
    paid_on: date
    method: PaymentMethod
    bank_reference: str | None
    statement_number: str | None
    reason: str | None
    event_id: str
    created_by: str
    created_at: datetime

    @property
    def net_cents(self) -> int:
        """What reached the bank, or went back."""
        return self.amount_cents - self.withheld_cents - self.discount_cents


@frozen
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


@frozen
class SettlementSums:
    """Sums over confirmed settlements, in cents; `net` is what was paid less what was taken back.

    `withheld` and `discount` are the parts of `net` that the payer kept back, less reversals.
    """

    paid_cents: Cents
    reversed_cents: Cents
    net_cents: Cents
    withheld_cents: Cents
    discount_cents: Cents


_CONFIRMED = case((settlements.c.status == SettlementStatus.CONFIRMED, settlements.c.amount_cents), else_=0)
_PAID = case((settlements.c.reverses_id.is_(None), _CONFIRMED), else_=0)
_SIGN: Final = case(
    (settlements.c.status != SettlementStatus.CONFIRMED, 0), (settlements.c.reverses_id.is_(None), 1), else_=-1
)
AMOUNTS: Final = Amounts(
    SettlementSums,
    (
        _PAID,
        _CONFIRMED - _PAID,
        _PAID * 2 - _CONFIRMED,
        _SIGN * settlements.c.withheld_cents,
        _SIGN * settlements.c.discount_cents,
    ),
)
SETTLEMENT = columns(settlements, SettlementRecord)
OF_STATEMENT: Final = and_(
    settlements.c.statement_number == remittances.c.statement_number,
    settlements.c.provider_cnes == remittances.c.provider_cnes,
    settlements.c.payer_ans == remittances.c.payer_ans,
    remittances.c.cancelled_id == "",
)
"""A settlement names the statement that it is from by its number, which is unique for a payer and a provider among
statements that are not cancelled."""


def _visible(scope: DataScope) -> Select[Any]:
    return select(*SETTLEMENT).where(settlements_in(scope))


def _visible_of_remittances(scope: DataScope) -> Select[Any]:
    return _visible(scope).join(remittances, OF_STATEMENT)


OF_INVOICE: Final = Children(_visible, settlements.c.invoice_id, SettlementRecord, amounts=AMOUNTS)
OF_REMITTANCE: Final = Children(_visible_of_remittances, remittances.c.id, SettlementRecord, amounts=AMOUNTS)
REVERSALS_OF: Final = Children(_visible, settlements.c.reverses_id, SettlementRecord, amounts=AMOUNTS)


@query(SettlementRecord)
def by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The settlements with these ids within the scope."""
    return _visible(scope).where(settlements.c.id.in_(ids))


@query_one(SettlementRecord)
def one(scope: DataScope, settlement_id: str) -> Select[Any]:
    """One settlement; its money is protected by the lock on its invoice."""
    return _visible(scope).where(settlements.c.id == settlement_id)


@query(SettlementRecord)
def payments_of(scope: DataScope, remittance_id: str, limit: int) -> Select[Any]:
    """The confirmed payments of a statement, without reversals, in the order of their invoices."""
    table = settlements.c
    found = _visible_of_remittances(scope).where(remittances.c.id == remittance_id, table.reverses_id.is_(None))
    found = found.where(table.status == SettlementStatus.CONFIRMED)
    return found.order_by(table.invoice_id, table.id).limit(limit)


@query(SettlementRecord)
def reversals_of(scope: DataScope, settlement_id: str) -> Select[Any]:
    """The reversals of one settlement."""
    return _visible(scope).where(settlements.c.reverses_id == settlement_id)


@query(SettlementRecord)
def page(scope: DataScope, where: SettlementFilter, keyset: Keyset) -> Select[Any]:
    """One page of the settlements within the scope."""
    return _chosen(scope, where).page(SETTLEMENT, keyset)


@query_total(row_count)
def count(scope: DataScope, where: SettlementFilter) -> Select[Any]:
    """How many settlements within the scope match the filter."""
    return _chosen(scope, where).count()


@query_total(AMOUNTS.of)
def sums(scope: DataScope, where: SettlementFilter) -> Select[Any]:
    """Sums over the settlements within the scope that match the filter."""
    return select(*AMOUNTS.totals).where(settlements_in(scope), *_conditions(where))


async def insert_settlement(connection: AsyncConnection, record: SettlementRecord) -> None:
    """Append one ledger row; rows are never changed afterwards."""
    await insert_records(connection, settlements, [record])


@query_pairs(int)
def reversed_cents(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """Settlement id -> cents of it that have been reversed; those without a reversal are left out."""
    table = settlements.c
    sums = select(table.reverses_id, func.sum(table.amount_cents)).where(settlements_in(scope))
    sums = sums.where(table.reverses_id.in_(ids), table.status == SettlementStatus.CONFIRMED)
    return sums.group_by(table.reverses_id)


def _conditions(where: SettlementFilter) -> list[Condition]:
    table = settlements.c
    matching = one_of(
        (table.id, where.ids),
        (table.payer_ans, where.payers),
        (table.provider_cnes, where.providers),
        (table.method, where.methods),
    )
    ranges = within(
        (table.paid_on, where.paid_on), (table.created_at, where.created_at), (table.amount_cents, where.amount_cents)
    )
    return [*matching, *equal((table.invoice_id, where.invoice)), *ranges]


def _chosen(scope: DataScope, where: SettlementFilter) -> Chosen:
    return Chosen(settlements, [settlements_in(scope), *_conditions(where)], _values(scope, where))


def _values(scope: DataScope, where: SettlementFilter) -> list[Values]:
    table = settlements.c
    parties = parties_of(scope, table.provider_cnes, where.providers, table.payer_ans, where.payers)
    return [(table.method, where.methods), *parties]
