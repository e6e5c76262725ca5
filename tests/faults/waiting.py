"""Waiting for what gives no signal, never for ever."""

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy import func, select

from app.db.engine import Database
from app.db.tables import outbox

SECONDS = 60.0


async def until(holds: Callable[[], bool], *, seconds: float = SECONDS) -> None:
    """Wait until it holds; TimeoutError if it never does."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - no signal to wait for
            await asyncio.sleep(0.02)


async def until_true(asked: Callable[[], Awaitable[bool]], *, seconds: float = SECONDS) -> None:
    """Ask again and again until the answer is yes; TimeoutError if it never is."""
    async with asyncio.timeout(seconds):
        while not await asked():  # noqa: ASYNC110 - no signal to wait for
            await asyncio.sleep(0.05)


async def all_published(database: Database, *, seconds: float = SECONDS) -> None:
    """Wait until no event waits in the outbox."""

    async def is_empty() -> bool:
        async with database.reading() as connection:
            query = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None))
            return (await connection.execute(query)).scalar() == 0

    await until_true(is_empty, seconds=seconds)
