"""The relay: one leader numbers committed events, publishes them in order, and only then marks them as published.

An event that cannot be published is parked, and every later event of its aggregate waits for it: none is skipped, and
none overtakes another. `billing parked` lists parked events, `billing release` lets the relay try them again.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import clock, leadership
from app.db import outbox as outbox_db
from app.db.clock import ClocksDiffer
from app.db.engine import Database
from app.db.outbox import OutboxRecord
from app.events.contracts import unpublishable_reason
from app.events.forever import is_being_cancelled
from app.telemetry.metrics import Metrics
from app.telemetry.outages import Outage

LOCK_NAME: Final = "billing.relay"
LOCK_WAIT_SECONDS: Final = 1
"""How long one attempt waits for the lock; short, since a relay that stops must not wait longer."""
SESSION_IDLE_SECONDS: Final = 30
"""A leader whose network is cut off loses its session, and with it the lock, after this time.

Longer than any pause of a working leader: it polls every 0.5 s, and a batch may take 20 s.
"""
BATCH_SIZE: Final = 200
POLL_SECONDS: Final = 0.5
RETRY_SECONDS: Final = 1.0
PUBLISH_TIMEOUT_SECONDS: Final = 20.0
CONNECT_TIMEOUT_SECONDS: Final = 10.0
CLEANUP_SECONDS: Final = 60.0
CLEANUP_SIZE: Final = 1_000
_log = structlog.get_logger("billing.relay")


class EventRefused(Exception):
    """The broker is up and will never accept one of the events; the text says why."""


class Transport(Protocol):
    """Where events are published."""

    async def publish(self, rows: Sequence[OutboxRecord]) -> None:
        """Return once all rows are stored there; EventRefused if it will never accept one, any error if it may later.

        After an error any of the rows may have been published.
        """

    async def close(self) -> None:
        """Give back connections."""


class Relay:
    """A background loop over the outbox; `retention` is how long published events stay in the event log.

    Call `wake` after a commit, so that events are published at once instead of at the next poll, half a second later.
    """

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
        self._outage = Outage(
            "billing.relay", down="relay_failed", back="relay_back", effect="events wait in the outbox, in order"
        )
        self._cleanup_at = 0.0

    def wake(self) -> None:
        """Look at the outbox now."""
        self._signal.set()

    async def run(self) -> None:
        """Lead whenever the lock is free, until `stop`; every failure is retried, and logged once per outage."""
        while not self._is_stopping:
            try:
                await self._lead_when_possible()
            except asyncio.CancelledError as error:
                if is_being_cancelled():
                    raise
                self._failed(error)
            except Exception as error:  # noqa: BLE001 - the relay must survive every failure
                self._failed(error)
            finally:
                self._metrics.is_leader.set(0)
            if not self._is_stopping:
                await self._pause(RETRY_SECONDS)

    def stop(self) -> None:
        """End the loop after the batch in progress."""
        self._is_stopping = True
        self._signal.set()

    async def _lead_when_possible(self) -> None:
        """Wait for the lock, and work on the very session that holds it.

        The lock (MySQL's GET_LOCK) belongs to the session. A leader that loses its session fails at its next statement;
        what it may still be sending is sent again by the next leader, with the same positions.
        """
        # The driver's own timeout does not cover the handshake.
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            connection = await self._database.engine.connect()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                await leadership.limit_idleness(connection, SESSION_IDLE_SECONDS)
            while not self._is_stopping:
                if await self._take_lock(connection):
                    _log.info("relay_leads")
                    self._metrics.is_leader.set(1)
                    await self._lead(connection)
        finally:
            # A session returned to the pool would keep the lock: end it.
            await connection.invalidate()
            await connection.close()

    async def _lead(self, connection: AsyncConnection) -> None:
        while not self._is_stopping:
            has_published = await self._publish_batch(connection)
            await self._clean_up(connection)
            if not has_published:
                await self._pause(POLL_SECONDS)

    async def _take_lock(self, connection: AsyncConnection) -> bool:
        name = f"{LOCK_NAME}.{self._database.url.database}"
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            return await leadership.take_lock(connection, name, wait_seconds=LOCK_WAIT_SECONDS)

    async def _publish_batch(self, connection: AsyncConnection) -> bool:
        """Number and publish up to 200 events; whether there were any.

        A crash after publishing and before marking repeats events, with the same ids and positions; it skips none.
        """
        began = time.perf_counter()
        async with asyncio.timeout(PUBLISH_TIMEOUT_SECONDS):
            if not await self._has_work(connection):
                self._outage.succeeded()
                return False
            await self._number(connection)
            async with connection.begin():
                # Checked again, though only publishable rows are numbered: since then a release with other contracts
                # may have started, or an operator may have changed the row.
                rows = await self._publishable(connection, await outbox_db.unpublished(connection, BATCH_SIZE))
            await self._publish(connection, rows)
        self._succeeded(time.perf_counter() - began)
        return True

    async def _number(self, connection: AsyncConnection) -> None:
        """Give positions to committed rows, in a transaction of its own, before any of them is published.

        So a row keeps its position if publishing fails. A parked row gets none, which leaves no gap.
        """
        async with connection.begin():
            rows = await self._publishable(connection, await outbox_db.unnumbered(connection, BATCH_SIZE))
            await outbox_db.number(connection, [row.id for row in rows])

    async def _publishable(self, connection: AsyncConnection, rows: Sequence[OutboxRecord]) -> list[OutboxRecord]:
        """The rows that can be published; the others are parked, and later rows of their aggregates left out."""
        found: list[OutboxRecord] = []
        parked: set[str] = set()
        for row in rows:
            if row.aggregate_id in parked:
                continue
            reason = unpublishable_reason(row)
            if reason is None:
                found.append(row)
            else:
                parked.add(row.aggregate_id)
                await self._park(connection, row, reason)
        return found

    async def _publish(self, connection: AsyncConnection, rows: Sequence[OutboxRecord]) -> None:
        try:
            await self._transport.publish(rows)
        except EventRefused:
            await self._publish_one_by_one(connection, rows)
        else:
            await self._mark(connection, rows)

    async def _publish_one_by_one(self, connection: AsyncConnection, rows: Sequence[OutboxRecord]) -> None:
        """Publish again, to find out which events the broker refuses: they are parked, all others go on."""
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
            # A transaction on SQLite takes the only write lock: an autocommit read does not delay writers.
            async with self._database.reading() as reader:
                waiting = await outbox_db.backlog(reader)
        return waiting.pending > 0

    async def _clean_up(self, connection: AsyncConnection) -> None:
        """Delete events published longer ago than the retention, at most 1,000 at a time, so that locks are short."""
        if time.monotonic() < self._cleanup_at:
            return
        async with asyncio.timeout(PUBLISH_TIMEOUT_SECONDS), connection.begin():
            try:
                before = await clock.time_for_deleting(connection) - self._retention
            except ClocksDiffer:
                self._cleanup_at = time.monotonic() + CLEANUP_SECONDS
                return
            deleted = await outbox_db.forget_published(connection, before=before, batch_size=CLEANUP_SIZE)
        # After a full batch there may be more: go on in the next round.
        self._cleanup_at = 0.0 if deleted == CLEANUP_SIZE else time.monotonic() + CLEANUP_SECONDS

    async def _pause(self, seconds: float) -> None:
        """Wait for `wake` or `stop`, at most this long."""
        try:
            async with asyncio.timeout(seconds):
                await self._signal.wait()
        except TimeoutError:
            pass
        self._signal.clear()

    def _succeeded(self, seconds: float) -> None:
        self._metrics.batch_seconds.observe(seconds)
        self._outage.succeeded()

    def _failed(self, error: BaseException) -> None:
        self._metrics.publish_errors.labels(type(error).__name__).inc()
        self._outage.failed(error)
