"""The relay: one leader numbers committed events, publishes them in order, and only then marks them.

An event that cannot be published is parked, and every later one of its aggregate waits behind it: nothing is skipped
and nothing overtakes. `billing parked` and `billing release` show and end that.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import leadership
from app.db import outbox as outbox_db
from app.db.engine import Database
from app.db.outbox import OutboxRecord
from app.events.contracts import flaw
from app.events.forever import is_asked_to_end
from app.telemetry.metrics import Metrics

LOCK_NAME: Final = "billing.relay"
LOCK_WAIT_SECONDS: Final = 1
# A leader that is cut off without a word loses its session, and with it the lock, after this time.
SESSION_IDLE_SECONDS: Final = 30
BATCH_SIZE: Final = 200
POLL_SECONDS: Final = 0.5
RETRY_SECONDS: Final = 1.0
PUBLISH_TIMEOUT_SECONDS: Final = 20.0
CONNECT_TIMEOUT_SECONDS: Final = 10.0
TIDY_SECONDS: Final = 60.0
TIDY_SIZE: Final = 1_000
_log = structlog.get_logger("billing.relay")


class EventRefused(Exception):
    """The broker is there and will not have one of these events, however often it is sent."""


class Transport(Protocol):
    """Where events go: returns when all rows are safe there, raises if any is not (EventRefused if it never will)."""

    async def publish(self, rows: Sequence[OutboxRecord]) -> None: ...

    async def close(self) -> None: ...


class Relay:
    """A background loop; call `wake` after a commit so that events leave at once instead of at the next poll."""

    def __init__(
        self,
        database: Database,
        transport: Transport,
        *,
        metrics: Metrics,
        now: Callable[[], datetime],
        retention: timedelta = timedelta(days=30),
    ) -> None:
        self._database = database
        self._transport = transport
        self._metrics = metrics
        self._now = now
        self._retention = retention
        self._signal = asyncio.Event()
        self._is_stopping = False
        self._is_failing = False
        self._tidy_at = 0.0

    def wake(self) -> None:
        """Look at the outbox now."""
        self._signal.set()

    async def run(self) -> None:
        """Lead whenever the lock is free, until `stop`; a failure is logged once, then retried for ever."""
        while not self._is_stopping:
            try:
                await self._campaign()
            except asyncio.CancelledError as error:
                if is_asked_to_end():
                    raise
                self._failed(error)
            except Exception as error:  # noqa: BLE001 - whatever fails, the relay must go on trying
                self._failed(error)
            finally:
                self._metrics.is_leader.set(0)
            if not self._is_stopping:
                await self._pause(RETRY_SECONDS)

    def stop(self) -> None:
        """End the loop after the batch under way."""
        self._is_stopping = True
        self._signal.set()

    async def _campaign(self) -> None:
        """Wait for the lock on one session, and work on that same session while it holds."""
        # The driver's own limit does not cover the handshake.
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            connection = await self._database.engine.connect()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                await leadership.limit_idleness(connection, SESSION_IDLE_SECONDS)
            while not self._is_stopping:
                if await self._take_lock(connection):
                    _log.info("relay_leads")
                    self._metrics.is_leader.set(1)
                    await self._work(connection)
        finally:
            # The lock belongs to the session: closing it for good gives the lock back.
            await connection.invalidate()
            await connection.close()

    async def _work(self, connection: AsyncConnection) -> None:
        while not self._is_stopping:
            has_worked = await self._step(connection)
            await self._tidy(connection)
            if not has_worked:
                await self._pause(POLL_SECONDS)

    async def _take_lock(self, connection: AsyncConnection) -> bool:
        name = f"{LOCK_NAME}.{self._database.url.database}"
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            return await leadership.take_lock(connection, name, wait_seconds=LOCK_WAIT_SECONDS)

    async def _step(self, connection: AsyncConnection) -> bool:
        """Publish one batch; whether there was anything to do."""
        began = time.perf_counter()
        async with asyncio.timeout(PUBLISH_TIMEOUT_SECONDS):
            if not await self._has_work(connection):
                return False
            await self._number(connection)
            async with connection.begin():
                # A numbered row was sound once; it may be sent again by another release, or after a repair by hand.
                rows = await self._sound(connection, await outbox_db.unpublished(connection, BATCH_SIZE))
            await self._publish(connection, rows)
        self._succeeded(time.perf_counter() - began)
        return True

    async def _number(self, connection: AsyncConnection) -> None:
        async with connection.begin():
            rows = await self._sound(connection, await outbox_db.unnumbered(connection, BATCH_SIZE))
            await outbox_db.number(connection, [row.id for row in rows])

    async def _sound(self, connection: AsyncConnection, rows: Sequence[OutboxRecord]) -> list[OutboxRecord]:
        """The rows that may leave; flawed ones are parked, and those behind them of the same aggregate left out."""
        found: list[OutboxRecord] = []
        held: set[str] = set()
        for row in rows:
            if row.aggregate_id in held:
                continue
            reason = flaw(row)
            if reason is None:
                found.append(row)
            else:
                held.add(row.aggregate_id)
                await self._park(connection, row, reason)
        return found

    async def _publish(self, connection: AsyncConnection, rows: Sequence[OutboxRecord]) -> None:
        try:
            await self._transport.publish(rows)
        except EventRefused:
            await self._publish_singly(connection, rows)
        else:
            await self._mark(connection, rows)

    async def _publish_singly(self, connection: AsyncConnection, rows: Sequence[OutboxRecord]) -> None:
        """Find out which events the broker refuses: the others must not suffer for them."""
        refused: set[str] = set()
        for row in rows:
            if row.aggregate_id in refused:
                continue
            try:
                await self._transport.publish([row])
            except EventRefused as error:
                refused.add(row.aggregate_id)
                async with connection.begin():
                    await self._park(connection, row, str(error))
            else:
                await self._mark(connection, [row])

    async def _park(self, connection: AsyncConnection, row: OutboxRecord, reason: str) -> None:
        _log.error("event_parked", event_id=row.event_id, name=row.name, aggregate=row.aggregate_id, reason=reason)
        await outbox_db.park(connection, row.id, reason=reason, now=self._now())

    async def _mark(self, connection: AsyncConnection, rows: Sequence[OutboxRecord]) -> None:
        positions = [row.position for row in rows if row.position is not None]
        async with connection.begin():
            await outbox_db.mark_published(connection, positions, now=self._now())
        self._metrics.published.inc(len(positions))

    async def _has_work(self, connection: AsyncConnection) -> bool:
        if not self._database.is_sqlite:
            async with connection.begin():
                waiting = await outbox_db.backlog(connection)
        else:
            # Opening a transaction on SQLite takes the only write lock: look with an autocommit read first.
            async with self._database.reading() as reader:
                waiting = await outbox_db.backlog(reader)
        return waiting.pending > 0

    async def _tidy(self, connection: AsyncConnection) -> None:
        """Delete what was published longer ago than events are kept, a batch at a time."""
        if time.monotonic() < self._tidy_at:
            return
        before = self._now() - self._retention
        async with asyncio.timeout(PUBLISH_TIMEOUT_SECONDS), connection.begin():
            deleted = await outbox_db.forget_published(connection, before=before, batch_size=TIDY_SIZE)
        # A full batch means that there is more: go on at the next look.
        self._tidy_at = 0.0 if deleted == TIDY_SIZE else time.monotonic() + TIDY_SECONDS

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._signal.wait()
        except TimeoutError:
            pass
        self._signal.clear()

    def _succeeded(self, seconds: float) -> None:
        self._metrics.batch_seconds.observe(seconds)
        if self._is_failing:
            self._is_failing = False
            _log.info("relay_recovered")

    def _failed(self, error: BaseException) -> None:
        self._metrics.publish_errors.labels(type(error).__name__).inc()
        if not self._is_failing:
            self._is_failing = True
            _log.warning("relay_failed", error=type(error).__name__, effect="events wait in the outbox, in order")
