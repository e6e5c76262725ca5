"""Leases: a row of the database says which process does a piece of background work, until when."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import clock
from app.db.engine import Database, DatabaseUnavailable
from app.tasks.ending import beside
from app.values.frozen import frozen

LEASE: Final = timedelta(seconds=5)
"""Work whose holder is gone is taken over after this time."""
RENEW_SECONDS: Final = 1.0


@frozen
class Leases:
    """The statements on the rows that have the leases: each gets the id and the holder, and the times as named."""

    take: Callable[[AsyncConnection, str, str, datetime, datetime], Awaitable[int]]
    renew: Callable[[AsyncConnection, str, str, datetime], Awaitable[int]]
    give_back: Callable[[AsyncConnection, str, str], Awaitable[int]]


@asynccontextmanager
async def taken(database: Database, leases: Leases, id: str, holder: str) -> AsyncIterator[bool]:
    """Take the lease of this row, renew it while the block runs, then give it back; False if another one has it."""

    async def take(connection: AsyncConnection) -> int:
        now = await clock.now(connection)
        return await leases.take(connection, id, holder, now, now + LEASE)

    if not await database.transact(take):
        yield False
        return
    try:
        async with beside(_renew(database, leases, id, holder)):
            yield True
    finally:
        with contextlib.suppress(DatabaseUnavailable):
            await database.transact(lambda connection: leases.give_back(connection, id, holder))


async def _renew(database: Database, leases: Leases, id: str, holder: str) -> None:
    async def work(connection: AsyncConnection) -> None:
        await leases.renew(connection, id, holder, await clock.now(connection) + LEASE)

    while True:
        await asyncio.sleep(RENEW_SECONDS)
        with contextlib.suppress(DatabaseUnavailable):
            await database.transact(work)
