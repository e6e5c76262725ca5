"""How many sessions at the database server a process keeps: those of a peak stay for the next one, but not for ever."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from app.db import pool
from app.db.engine import Database, scalar
from tests.gateway import Gateway


@pytest.fixture
async def database(server_gateway: Gateway) -> AsyncIterator[Database]:
    """A database of which one session for reads stays open without use, and two may be."""
    found = Database(server_gateway.settings.database_url, pool_size=1)
    yield found
    await found.dispose()


async def _at_once(database: Database, number: int) -> set[int]:
    """The sessions that so many callers have at the same time, by the server's number."""
    barrier = asyncio.Barrier(number)

    async def own() -> int:
        async with database.reading() as connection:
            await barrier.wait()
            return int(await scalar(connection, text("SELECT CONNECTION_ID()")))

    return set(await asyncio.gather(*[own() for _ in range(number)]))


async def test_sessions_of_a_peak_are_used_again(database: Database) -> None:
    first = await _at_once(database, 2)
    assert (len(first), await _at_once(database, 2)) == (2, first)


async def test_a_session_that_only_a_peak_needed_is_closed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await _at_once(database, 2)
    monkeypatch.setattr(pool, "SURPLUS_SECONDS", 0.0)
    (kept,) = await _at_once(database, 1)
    assert kept in before
    after = await _at_once(database, 2)
    assert after & before == {kept}
