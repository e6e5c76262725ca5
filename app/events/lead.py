"""Leading: the lease of the relay, renewed in the background, and until when it allows to send."""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import leadership
from app.db.engine import Database
from app.db.leadership import Lease, LeaseState
from app.events.forever import forever
from app.tasks.ending import beside
from app.tasks.waiting import wait_at_most

LEASE_NAME: Final = "relay"
LEASE_SECONDS: Final = 1.3
"""A leader that hangs is replaced after this time; one that stops in order gives the lease back."""
GONE_SECONDS: Final = 0.75
"""A leader whose session is gone is replaced after this time, by which it sends nothing: longer than half a lease."""
RENEW_SECONDS: Final = 0.5
"""How often the leader renews its lease; a batch renews it too."""
RENEW_SENDING_SECONDS: Final = 0.2
"""The same while something is being sent."""
EARLY_SECONDS: Final = 0.02
"""A renewal that is due so soon is made at once."""
LOOK_SECONDS: Final = 0.5
"""How often, at least, a process that does not lead looks whether it can; sooner if the lease may be free by then."""
LOOK_SECONDS_MIN: Final = 0.05
CONNECT_TIMEOUT_SECONDS: Final = 10.0
SESSION_IDLE_SECONDS: Final = 30
"""The locks of a leader whose network is cut off, or which is stopped, end after this time.

Longer than any pause of a working leader: it looks every 2 s, and sending a batch may take 20 s.
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
        self._send_until = self._renewed_at = -math.inf
        self._is_sending = asyncio.Event()

    def may_send(self) -> bool:
        """Whether nobody else can have taken the lease, with a margin."""
        return self._clock() < self._send_until

    async def take(self, connection: AsyncConnection) -> float | None:
        """Take the lease if it is free; None if this process leads now, otherwise the seconds until it should look
        again."""
        if connection.dialect.name == "sqlite":
            # Its database has one process, which always leads.
            self._send_until = math.inf
            return None
        asked_at = self._clock()
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            found = await leadership.state(connection, LEASE_NAME)
            seconds = LOOK_SECONDS_MIN if found is None else _seconds_until_free(found)
            if found is None or seconds > 0:
                return max(min(seconds, LOOK_SECONDS), LOOK_SECONDS_MIN)
            self._lease = await leadership.take(connection, found)
            if self._lease is None:
                return LOOK_SECONDS_MIN
        self._renewed(asked_at)
        _log.info("relay_leads", epoch=self._lease.epoch)
        return None

    async def write(self, connection: AsyncConnection, statement: Callable[[Lease | None], Awaitable[int]]) -> None:
        """Run a statement that changes something only while its lease is held, and then renews it; LeadLost if it is
        not, and then nothing has changed. Nobody can take the lease in the midst of it."""
        if connection.dialect.name == "sqlite":
            async with connection.begin():
                await statement(None)
            return
        asked_at = self._clock()
        if self._lease is None or not await statement(self._lease):
            self._lost()
            raise LeadLost
        self._renewed(asked_at)

    @asynccontextmanager
    async def transaction(self, connection: AsyncConnection) -> AsyncIterator[None]:
        """A transaction in which this process leads, and nobody else can until it ends; LeadLost."""
        if connection.dialect.name == "sqlite":
            async with connection.begin():
                yield
            return
        asked_at = self._clock()
        async with leadership.transaction(connection):
            if self._lease is None or not await leadership.renew(connection, self._lease):
                self._lost()
                raise LeadLost
            yield
        self._renewed(asked_at)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """While something is being sent, the lease is renewed more often."""
        self._is_sending.set()
        try:
            yield
        finally:
            self._is_sending.clear()

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
        renewing = forever(
            lambda: self._renew(database), failed=lambda _error: None, pause_seconds=RENEW_SENDING_SECONDS
        )
        try:
            async with beside(renewing):
                yield
        finally:
            await self._give_back(database)

    async def _renew(self, database: Database) -> None:
        if self._lease is None:
            return
        async with session(database) as connection:
            is_shown = False
            while self._lease is not None:
                # The leader before may hold the lock for as long as it is stopped.
                is_shown = is_shown or await self._show(connection, self._lease)
                asked_at = self._clock()
                left = self._renewed_at + self._renewal_seconds - asked_at
                if left >= EARLY_SECONDS:
                    await self._rest(left)
                    continue
                async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                    is_ours = await leadership.renew(connection, self._lease)
                if not is_ours:
                    self._lost()
                    return
                self._renewed(asked_at)

    async def _show(self, connection: AsyncConnection, lease: Lease) -> bool:
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            return await leadership.show_session(connection, lease)

    @property
    def _renewal_seconds(self) -> float:
        return RENEW_SENDING_SECONDS if self._is_sending.is_set() else RENEW_SECONDS

    async def _rest(self, seconds: float) -> None:
        """So long, or until something is being sent."""
        if self._is_sending.is_set():
            await asyncio.sleep(seconds)
            return
        await wait_at_most(self._is_sending, seconds)

    async def _give_back(self, database: Database) -> None:
        lease, self._lease = self._lease, None
        self._send_until = self._renewed_at = -math.inf
        if lease is not None:
            with contextlib.suppress(SQLAlchemyError, OSError):
                async with asyncio.timeout(LEASE_SECONDS), database.engine.begin() as connection:
                    await leadership.give_back(connection, lease)

    def _renewed(self, asked_at: float) -> None:
        # Counted from before the statement was sent: the database's time of it is later.
        self._renewed_at = max(self._renewed_at, asked_at)
        self._send_until = self._renewed_at + LEASE_SECONDS / 2

    def _lost(self) -> None:
        self._lease = None
        self._send_until = self._renewed_at = -math.inf


def _seconds_until_free(found: LeaseState) -> float:
    """How long the lease will still be its leader's if that does not renew it; 0 or less if it is free."""
    length = GONE_SECONDS if found.is_session_gone else LEASE_SECONDS
    if found.age_seconds < GONE_SECONDS:
        # The leader's session may end before the next look.
        return GONE_SECONDS - found.age_seconds
    return length - found.age_seconds


@asynccontextmanager
async def session(database: Database) -> AsyncIterator[AsyncConnection]:
    """A session of the leader's own, whose locks the server ends after 30 seconds without a statement. Its statements
    commit themselves."""
    # The driver's own timeout does not cover the handshake.
    async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
        connection = await database.own_connection()
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            await leadership.prepare_session(connection, SESSION_IDLE_SECONDS)
        yield connection
    finally:
        # Returned to the pool, the session would end there after 30 seconds.
        await connection.invalidate()
        await connection.close()
