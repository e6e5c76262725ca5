"""Leading: the lease of the relay, renewed in the background, and until when it allows to send."""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import leadership
from app.db.engine import Database
from app.db.leadership import Lease
from app.events.forever import forever

LEASE_NAME: Final = "relay"
LEASE_SECONDS: Final = 1.3
"""A leader that hangs is replaced after this time; one that stops in order gives the lease back."""
GONE_SECONDS: Final = 0.75
"""A leader whose session is gone is replaced after this time, by which it sends nothing: longer than half a lease."""
RENEW_SECONDS: Final = 0.2
CONNECT_TIMEOUT_SECONDS: Final = 10.0
SESSION_IDLE_SECONDS: Final = 30
"""The locks of a leader whose network is cut off, or which is stopped, end after this time.

Longer than any pause of a working leader: it polls every 0.5 s, and sending a batch may take 20 s.
"""
_log = structlog.get_logger("billing.relay")


class LeadLost(Exception):
    """Another process has taken the lease."""


class Lead:
    """The lease, as far as this process has it.

    Another process may lead once the lease is `LEASE_SECONDS` old. Nothing is sent from half that age on, so that what
    was sent just before has arrived by then; a process that was stopped finds its lease too old when it goes on.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lease: Lease | None = None
        self._send_until = -math.inf

    def may_send(self) -> bool:
        """Whether nobody else can have taken the lease, with a margin."""
        return self._clock() < self._send_until

    async def take(self, connection: AsyncConnection) -> bool:
        """Take the lease if it is free; whether this process leads now."""
        if connection.dialect.name == "sqlite":
            # Its database has one process, which always leads.
            self._send_until = math.inf
            return True
        asked_at = self._clock()
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            self._lease = await leadership.take(
                connection, LEASE_NAME, seconds=LEASE_SECONDS, seconds_if_gone=GONE_SECONDS
            )
            if self._lease is None:
                return False
            await leadership.show_session(connection, self._lease)
        self._renewed(asked_at)
        _log.info("relay_leads", epoch=self._lease.epoch)
        return True

    async def confirm(self, connection: AsyncConnection) -> None:
        """In a transaction: LeadLost unless this process leads, and nobody else can until the transaction ends."""
        if connection.dialect.name == "sqlite":
            return
        if self._lease is None or not await leadership.renew(connection, self._lease):
            self._lost()
            raise LeadLost

    def check(self) -> None:
        """LeadLost if another process is known to lead."""
        if self._send_until == -math.inf:
            raise LeadLost

    @asynccontextmanager
    async def renewed(self, database: Database) -> AsyncIterator[None]:
        """Renew the lease while the block runs, then give it back."""
        if database.is_sqlite:
            yield
            return
        task = asyncio.create_task(
            forever(lambda: self._renew(database), failed=lambda _error: None, pause_seconds=RENEW_SECONDS)
        )
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._give_back(database)

    async def _renew(self, database: Database) -> None:
        async with session(database) as connection:
            while self._lease is not None:
                asked_at = self._clock()
                async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS), connection.begin():
                    is_ours = await leadership.renew(connection, self._lease)
                if not is_ours:
                    self._lost()
                    return
                self._renewed(asked_at)
                await asyncio.sleep(RENEW_SECONDS)

    async def _give_back(self, database: Database) -> None:
        lease, self._lease = self._lease, None
        self._send_until = -math.inf
        if lease is not None:
            with contextlib.suppress(SQLAlchemyError, OSError):
                async with asyncio.timeout(LEASE_SECONDS), database.engine.begin() as connection:
                    await leadership.give_back(connection, lease)

    def _renewed(self, asked_at: float) -> None:
        # Counted from before the statement was sent: the database's time of it is later.
        self._send_until = asked_at + LEASE_SECONDS / 2

    def _lost(self) -> None:
        self._lease = None
        self._send_until = -math.inf


@asynccontextmanager
async def session(database: Database) -> AsyncIterator[AsyncConnection]:
    """A session of the leader's own, whose locks the server ends after 30 seconds without a statement."""
    # The driver's own timeout does not cover the handshake.
    async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
        connection = await database.own_connection()
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            await leadership.limit_idleness(connection, SESSION_IDLE_SECONDS)
        yield connection
    finally:
        # Returned to the pool, the session would end there after 30 seconds.
        await connection.invalidate()
        await connection.close()
