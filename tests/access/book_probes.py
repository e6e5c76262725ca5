"""Queries of the books and of held lines, asked directly in another scope: what leads to them is checked before."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import book_changes, books, held_lines, line_candidates, reconciliation, three_way
from app.db.book_tables import book_sums
from app.db.breakdowns import KEY_COLUMN, GroupedFilter, Grouping, count_keys
from app.db.paging import Keyset
from app.db.reconciliation import LedgerFilter
from app.domain.data_scope import DataScope
from app.domain.reconciliation import Period, Reconciliation
from app.resolvers.paging import PAGE_MAX
from tests.access.waiting import PROTOCOL
from tests.access.world import Rich
from tests.factories import today

MONTH = "190001"


def of_books(victim: Rich, scope: DataScope) -> Iterator[tuple[str, Callable[[], Awaitable[Any]]]]:
    """Name and question; the answer is what leaked, None if nothing did."""
    days = Period(today() - timedelta(days=40), today())
    where = LedgerFilter(payer=victim.world.payer, provider=victim.world.provider)

    async def changed(connection: AsyncConnection) -> Any:
        found = await book_changes.changed_months(connection, scope, where, after=0, days=days)
        return None if found == set() else "months"

    async def added_up(connection: AsyncConnection) -> Any:
        parts = {column.name: 1 for column in book_sums.c if column.name.endswith("_cents")}
        whose = {"month": MONTH, "provider_cnes": where.provider, "payer_ans": where.payer}
        await connection.execute(insert(book_sums).values(**whose, **parts))
        found = await books.totals_of(connection, scope, where, [MONTH])
        return None if found == Reconciliation.nothing() else found

    async def grouped(connection: AsyncConnection) -> Any:
        whose = {"month": MONTH, "provider_cnes": where.provider, "payer_ans": where.payer}
        parts = {column.name: 1 for column in book_sums.c if column.name not in whose}
        await connection.execute(insert(book_sums).values(**whose, **parts))
        by = GroupedFilter(Grouping(("PAYER",)), where)
        keyset = Keyset(KEY_COLUMN, KEY_COLUMN, descending=False, limit=PAGE_MAX)
        found = await books.groups_of(connection, scope, by, [MONTH], keyset)
        return found or await count_keys(connection, [books.keys_of(scope, by, [MONTH])]) or None

    async def counted(connection: AsyncConnection) -> Any:
        return await reconciliation.has_more_claims(connection, scope, where, 0) or None

    async def held_beside(connection: AsyncConnection) -> Any:
        beside = victim.ids["remittance_beside"]
        return await held_lines.remittances_beside(connection, scope, beside, PAGE_MAX) or None

    async def matched(connection: AsyncConnection) -> Any:
        return await three_way.booked(connection, scope, sorted(set(victim.ids.values()))) or None

    async def under_a_protocol(connection: AsyncConnection) -> Any:
        given = (scope, victim.world.provider, victim.world.payer, [PROTOCOL])
        return await line_candidates.of_protocols(connection, *given) or None

    for ask in (changed, added_up, grouped, counted, held_beside, matched, under_a_protocol):
        yield f"books: {ask.__name__}", _undone(victim, ask)


def _undone(victim: Rich, ask: Callable[[AsyncConnection], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
    """Ask in a transaction that is rolled back."""

    async def run() -> Any:
        async with victim.gateway.database.engine.connect() as connection:
            try:
                return await ask(connection)
            finally:
                await connection.rollback()

    return run
