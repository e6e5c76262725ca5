"""Leases: one process leads at a time, by a row whose epoch grows with every leader, in the database's time.

The row decides, and not GET_LOCK, which is local to one node of a cluster and which a process that was stopped believes
to hold. The lock only shows that a leader is gone: its session ends with its process.
"""

import contextlib
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    Update,
    and_,
    func,
    null,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.clock import DATABASE_TIME
from app.db.event_tables import leases
from app.db.records import columns, insert_records
from app.db.statements import query_one, writing
from app.values.frozen import frozen

NEVER_TAKEN: Final = 0
LOCK_NAME_LENGTH_MAX: Final = 64
"""MySQL's own limit."""


@frozen
class Lease:
    """The right to lead under this name, until another process leads with a higher epoch."""

    name: str
    epoch: int


@frozen
class LeaseRecord:
    name: str
    epoch: int
    renewed_at: datetime | None


@frozen
class LeaseState:
    """The lease as the database sees it now; `is_session_gone` is 1 if the session of its leader has ended."""

    name: str
    epoch: int
    renewed_at: datetime | None
    now: datetime
    is_session_gone: int | None

    @property
    def age_seconds(self) -> float:
        """How long ago it was renewed; endless if it was given back or never taken.

        A time far ahead is that of a server whose clock was wrong: a leader that lives renews it at once.
        """
        return math.inf if self.renewed_at is None else abs((self.now - self.renewed_at).total_seconds())


NOT_LED: Final = null()
LEASE = columns(leases, LeaseRecord)


async def prepare_session(connection: AsyncConnection, idle_seconds: int) -> None:
    """Let each statement of this session that is in no transaction commit itself, and the server end the session after
    so many seconds without a statement.

    A leader whose network is cut off cannot close its session; without a limit the locks of its transaction would block
    the others for the server's default, eight hours. SQLite has no sessions on a server, so there is nothing to limit.
    """
    if connection.dialect.name != "sqlite":
        async with connection.begin():
            await connection.execute(text("SET SESSION wait_timeout = :idle, autocommit = 1"), {"idle": idle_seconds})


@asynccontextmanager
async def transaction(connection: AsyncConnection) -> AsyncIterator[None]:
    """A transaction of a session that is prepared."""
    async with connection.begin():
        await connection.execute(text("START TRANSACTION"))
        yield


async def state(connection: AsyncConnection, name: str) -> LeaseState | None:
    """The lease of this name; None if nobody has ever led. The row is made then, so that it can be taken."""
    found = await _state(connection, name, _lock_of(connection, name))
    if found is None:
        with contextlib.suppress(IntegrityError):
            await insert_records(connection, leases, [LeaseRecord(name, NEVER_TAKEN, None)])
    return found


@query_one(LeaseState)
def _state(name: str, lock: str) -> Select[Any]:
    return select(*LEASE, DATABASE_TIME, func.is_free_lock(lock)).where(leases.c.name == name)


async def take(connection: AsyncConnection, found: LeaseState) -> Lease | None:
    """The lease, unless its leader has renewed it or another process has taken it since it was read."""
    taken = Lease(found.name, found.epoch + 1)
    return taken if await _take(connection, taken, found.epoch, found.renewed_at) else None


@writing
def _take(taken: Lease, epoch: int, renewed_at: datetime | None) -> Update:
    unchanged = (leases.c.epoch == epoch) & leases.c.renewed_at.is_not_distinct_from(renewed_at)
    values = {"epoch": taken.epoch, "renewed_at": DATABASE_TIME}
    return update(leases).where(leases.c.name == taken.name, unchanged).values(**values)


async def show_session(connection: AsyncConnection, lease: Lease) -> bool:
    """Let others see that this session, and so its process, is there; False while that of an earlier leader is."""
    lock = {"lock": _lock_of(connection, lease.name)}
    is_shown = bool(await connection.scalar(text("SELECT GET_LOCK(:lock, 0)"), lock))
    await connection.commit()
    return is_shown


def _lock_of(connection: AsyncConnection, name: str) -> str:
    """The lock is the server's: the name of the database is in it."""
    return f"billing.{name}.{connection.engine.url.database}"[:LOCK_NAME_LENGTH_MAX]


async def renew(connection: AsyncConnection, lease: Lease) -> bool:
    """Renew the lease and hold its row until the transaction ends; whether it is still this leader's."""
    return await _set(connection, lease, DATABASE_TIME) > 0


async def give_back(connection: AsyncConnection, lease: Lease) -> None:
    """Let another process lead at once."""
    await _set(connection, lease, NOT_LED)


def is_held(lease: Lease) -> ColumnElement[bool]:
    """Whether the lease is still this leader's, in a statement that changes it too."""
    return and_(leases.c.name == lease.name, leases.c.epoch == lease.epoch, leases.c.renewed_at.is_not(None))


@writing
def _set(lease: Lease, renewed_at: ColumnElement[Any]) -> Update:
    return update(leases).where(is_held(lease)).values(renewed_at=renewed_at)
