"""Leases: one process leads at a time, by a row whose epoch grows with every leader, in the database's time.

The row decides, and not GET_LOCK, which is local to one node of a cluster and which a process that was stopped believes
to hold. The lock only shows that a leader is gone: its session ends with its process.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Update, func, literal_column, null, select, text, type_coerce, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import clock
from app.db.engine import fetch_one, run
from app.db.event_tables import leases
from app.db.records import columns, insert_records
from app.db.statements import writing
from app.db.types import UtcDateTime

NEVER_TAKEN: Final = 0
LOCK_NAME_LENGTH_MAX: Final = 64
"""MySQL's own limit."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to lead under this name, until another process leads with a higher epoch."""

    name: str
    epoch: int


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    name: str
    epoch: int
    renewed_at: datetime | None


# Made once: a compiled statement knows an expression by its identity. A prepared statement takes no parameter for the
# precision.
DATABASE_TIME: Final[ColumnElement[datetime]] = type_coerce(func.utc_timestamp(literal_column("6")), UtcDateTime)
NOT_LED: Final = null()
LEASE = columns(leases, LeaseRecord)


async def limit_idleness(connection: AsyncConnection, seconds: int) -> None:
    """Let the server end this session after so many seconds without a statement.

    A leader whose network is cut off cannot close its session; without a limit the locks of its transaction would block
    the others for the server's default, eight hours. SQLite has no sessions on a server, so there is nothing to limit.
    """
    if connection.dialect.name != "sqlite":
        async with connection.begin():
            await connection.execute(text("SET SESSION wait_timeout = :idle"), {"idle": seconds})


async def take(connection: AsyncConnection, name: str, *, seconds: float, seconds_if_gone: float) -> Lease | None:
    """The lease, if its leader gave it back or has not renewed it for so many seconds, or for the second number if its
    session is not on this server; commits."""
    async with connection.begin():
        found = await fetch_one(connection, select(*LEASE).where(leases.c.name == name), LeaseRecord)
        if found is None:
            found = LeaseRecord(name, NEVER_TAKEN, None)
            try:
                await insert_records(connection, leases, [found])
            except IntegrityError:
                return None
        is_gone = await _is_gone(connection, name)
        if not await _is_free(connection, found, timedelta(seconds=seconds_if_gone if is_gone else seconds)):
            return None
        # Compared with what was read: its leader may have renewed it since, or another process may have taken it.
        unchanged = (leases.c.epoch == found.epoch) & leases.c.renewed_at.is_not_distinct_from(found.renewed_at)
        taken = update(leases).where(leases.c.name == name, unchanged)
        values = {"epoch": found.epoch + 1, "renewed_at": clock.time_of(connection)}
        return Lease(name, found.epoch + 1) if await run(connection, taken.values(**values)) else None


async def show_session(connection: AsyncConnection, lease: Lease) -> None:
    """Let others see that this session, and so its process, is there."""
    await connection.execute(text("SELECT GET_LOCK(:lock, 0)"), {"lock": _lock_of(connection, lease.name)})
    await connection.commit()


async def _is_gone(connection: AsyncConnection, name: str) -> bool:
    found = await connection.execute(text("SELECT IS_FREE_LOCK(:lock)"), {"lock": _lock_of(connection, name)})
    return found.scalar() == 1


def _lock_of(connection: AsyncConnection, name: str) -> str:
    """The lock is the server's: the name of the database is in it."""
    return f"billing.{name}.{connection.engine.url.database}"[:LOCK_NAME_LENGTH_MAX]


async def _is_free(connection: AsyncConnection, lease: LeaseRecord, length: timedelta) -> bool:
    if lease.renewed_at is None:
        return True
    # A time far ahead is that of a server whose clock was wrong: a leader that lives renews it at once.
    return abs(await clock.now(connection) - lease.renewed_at) >= length


async def renew(connection: AsyncConnection, lease: Lease) -> bool:
    """Renew the lease and hold its row until the transaction ends; whether it is still this leader's."""
    return await _set(connection, lease, DATABASE_TIME) > 0


async def give_back(connection: AsyncConnection, lease: Lease) -> None:
    """Let another process lead at once."""
    await _set(connection, lease, NOT_LED)


@writing
def _set(lease: Lease, renewed_at: ColumnElement[Any]) -> Update:
    own = update(leases).where(leases.c.name == lease.name, leases.c.epoch == lease.epoch)
    return own.where(leases.c.renewed_at.is_not(None)).values(renewed_at=renewed_at)
