"""Queries on the books as they were last added up: sums by month, provider and payer."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.book_tables import book_months, book_sums
from app.db.breakdowns import FIGURES, BillingGroup, GroupedFilter, Grouping, grouped
from app.db.engine import run
from app.db.filters import Condition, equal
from app.db.paging import Keyset
from app.db.reconciliation import LedgerFilter
from app.db.records import columns
from app.db.scoping import book_sums_in
from app.db.statements import query
from app.db.sums import sums, total
from app.db.tables import claims, invoices
from app.domain.data_scope import DataScope
from app.domain.money import Cents
from app.domain.reconciliation import Reconciliation
from app.values.frozen import frozen

Parties = tuple[str, str]
"""CNES and registro ANS."""
PARTS: Final = tuple(field.name for field in fields(Reconciliation))
COLUMNS: Final = {name: name for name in FIGURES} | {"value_without_return_cents": "undecided_cents"}
"""Figure of a group -> its column."""


@frozen
class MonthRecord:
    """A month such as `202611`: when it was last begun, and when its sums were stored."""

    month: str
    taken_at: datetime
    proven_at: datetime | None
    # The last position in the event log before the sums, and the proof that it belongs to: an earlier release does not
    # count all parts, and stores none.
    position: int | None
    position_at: datetime | None
    # The proof that the figures beside the books belong to.
    figures_at: datetime | None

    @property
    def has_figures(self) -> bool:
        """Whether the stored figures are those of the proof: an earlier release stores none."""
        return self.figures_at is not None and self.figures_at == self.proven_at

    @property
    def last_position(self) -> int | None:
        """The position up to which the stored sums have all changes; None if that is not known."""
        return self.position if self.position_at == self.proven_at else None


@query(MonthRecord)
def months() -> Select[Any]:
    """The months that were ever begun."""
    return select(*columns(book_months, MonthRecord)).order_by(book_months.c.month)


async def first_moment(connection: AsyncConnection) -> datetime | None:
    """Nothing was billed before; None if nothing was billed. Found by indexes."""
    moments = [
        (await connection.execute(select(func.min(column)))).scalar_one()
        for column in (claims.c.submitted_at, invoices.c.created_at)
    ]
    return min((each for each in moments if each is not None), default=None)


async def take(connection: AsyncConnection, month: str, seen: MonthRecord | None, now: datetime) -> bool:
    """Begin a month; False if another process has begun it since it was seen."""
    if seen is None:
        try:
            await run(connection, insert(book_months), [{"month": month, "taken_at": now}])
        except IntegrityError:
            return False
        return True
    mine = update(book_months).where(book_months.c.month == month, book_months.c.taken_at == seen.taken_at)
    return (await connection.execute(mine.values(taken_at=now))).rowcount == 1


async def store(
    connection: AsyncConnection, month: str, sums: Mapping[Parties, BillingGroup], position: int, now: datetime
) -> None:
    """Replace the sums of a month, which have all changes up to this position of the event log."""
    await run(connection, delete(book_sums).where(book_sums.c.month == month))
    rows = [
        {
            "month": month,
            "provider_cnes": provider,
            "payer_ans": payer,
            **{name: getattr(group.books, name) for name in PARTS},
            **{column: getattr(group, name) for name, column in COLUMNS.items()},
        }
        for (provider, payer), group in sums.items()
    ]
    if rows:
        await run(connection, insert(book_sums), rows)
    proven = {"proven_at": now, "position": position, "position_at": now, "figures_at": now}
    await run(connection, update(book_months).where(book_months.c.month == month).values(**proven))


async def totals(connection: AsyncConnection) -> Reconciliation:
    """The sum of all months, providers and payers."""
    return await _total(connection, true())


async def totals_of(
    connection: AsyncConnection, scope: DataScope, where: LedgerFilter, months: Sequence[str]
) -> Reconciliation:
    """The sum of these months, of the filter's parties within the scope; the filter's period is not looked at."""
    return await _total(connection, _of_months(scope, where, months))


async def groups_of(
    connection: AsyncConnection, scope: DataScope, where: GroupedFilter, months: Sequence[str], keyset: Keyset
) -> list[BillingGroup]:
    """The groups of a page, of the sums of these months; the filter's period is not looked at."""
    names = [*PARTS, *COLUMNS.values()]
    query = select(*(total(book_sums.c[name]) for name in names)).where(_of_months(scope, where.ledger, months))
    rows = await grouped(connection, query, _key(where.grouping), keyset)
    found: list[BillingGroup] = []
    for key, values in rows.items():
        books = Reconciliation(*map(Cents, values[: len(PARTS)]))
        figures: dict[str, Any] = dict(zip(COLUMNS, values[len(PARTS) :], strict=True))
        found.append(BillingGroup(key=key, parts=where.grouping.parts(key), books=books, **figures))
    return found


def keys_of(scope: DataScope, where: GroupedFilter, months: Sequence[str]) -> Select[Any]:
    """The keys of the groups that the sums of these months have."""
    return select(_key(where.grouping)).where(_of_months(scope, where.ledger, months))


def _key(grouping: Grouping) -> ColumnElement[str]:
    table = book_sums.c
    return grouping.key(
        {"PAYER": lambda: table.payer_ans, "PROVIDER": lambda: table.provider_cnes, "MONTH": lambda: table.month}
    )


def _of_months(scope: DataScope, where: LedgerFilter, months: Sequence[str]) -> Condition:
    table = book_sums.c
    parts = equal((table.payer_ans, where.payer), (table.provider_cnes, where.provider))
    return and_(book_sums_in(scope), table.month.in_(months), *parts)


async def _total(connection: AsyncConnection, where: Condition) -> Reconciliation:
    found = await sums(connection, select(*(total(book_sums.c[name]) for name in PARTS)).where(where))
    return Reconciliation(*map(Cents, found))
