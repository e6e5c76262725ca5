"""The lock by which one process leads: it belongs to a database session and ends with it."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

LOCK_NAME_LENGTH_MAX: Final = 64
"""MySQL's own limit."""


async def limit_idleness(connection: AsyncConnection, seconds: int) -> None:
    """Let the server end this session after so many seconds without a statement.

    A leader whose network is cut off cannot close its session; without a limit its lock would block the others for
    the server's default, eight hours. SQLite has no sessions on a server, so there is nothing to limit.
    """
    if connection.dialect.name != "sqlite":
        async with connection.begin():
            await connection.execute(text("SET SESSION wait_timeout = :idle"), {"idle": seconds})


async def take_lock(connection: AsyncConnection, name: str, *, wait_seconds: int) -> bool:
    """Wait for the lock; whether this session has it. The server passes it on at once when its owner's session ends.

    An SQLite database has one process, which always leads.
    """
    if connection.dialect.name == "sqlite":
        return True
    wanted = {"name": name[:LOCK_NAME_LENGTH_MAX], "seconds": wait_seconds}
    found = await connection.execute(text("SELECT GET_LOCK(:name, :seconds)"), wanted)
    await connection.commit()
    return found.scalar() == 1
