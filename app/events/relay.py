"""The relay: one leader numbers committed events, publishes them in order, and only then marks them."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Protocol

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import outbox as outbox_db
from app.db.engine import Database
from app.db.outbox import OutboxRecord
from app.telemetry import Metrics

LOCK_NAME: Final = "billing.relay"
BATCH_SIZE: Final = 200
POLL_SECONDS: Final = 0.5
RETRY_SECONDS: Final = 1.0
PUBLISH_TIMEOUT_SECONDS: Final = 20.0
CONNECT_TIMEOUT_SECONDS: Final = 10.0
_log = structlog.get_logger("billing.relay")


class Transport(Protocol):
    """Where events go: returns when all rows are safe there, raises if any is not."""

    async def publish(self, rows: Sequence[OutboxRecord]) -> None: ...

    async def close(self) -> None: ...


class Relay:
    """A background loop; call `wake` after a commit so that events leave at once instead of at the next poll."""

    def __init__(
        self, database: Database, transport: Transport, *, metrics: Metrics, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._transport = transport
        self._metrics = metrics
        self._now = now
        self._signal = asyncio.Event()
        self._is_stopping = False
        self._is_failing = False

    def wake(self) -> None:
        """Look at the outbox now."""
        self._signal.set()

    async def run(self) -> None:
        """Lead whenever the lock is free, until `stop`; a failure is logged once, then retried for ever."""
        while not self._is_stopping:
            try:
                await self._lead()
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

    async def _lead(self) -> None:
        # The driver's own limit does not cover the handshake.
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            connection = await self._database.engine.connect()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
                is_leader = await self._take_lock(connection)
            if is_leader:
                self._metrics.is_leader.set(1)
                await self._work(connection)
        finally:
            # The lock belongs to the session: closing it for good gives the lock back.
            await connection.invalidate()
            await connection.close()

    async def _work(self, connection: AsyncConnection) -> None:
        while not self._is_stopping:
            if not await self._step(connection):
                await self._pause(POLL_SECONDS)

    async def _take_lock(self, connection: AsyncConnection) -> bool:
        if self._database.is_sqlite:
            return True
        found = await connection.execute(text("SELECT GET_LOCK(:name, 0)"), {"name": self._lock_name})
        await connection.commit()
        return found.scalar() == 1

    @property
    def _lock_name(self) -> str:
        return f"{LOCK_NAME}.{self._database.url.database}"[:64]

    async def _step(self, connection: AsyncConnection) -> bool:
        """Publish one batch; whether there was anything to do."""
        async with asyncio.timeout(PUBLISH_TIMEOUT_SECONDS):
            if not await self._has_work(connection):
                return False
            async with connection.begin():
                await outbox_db.assign_positions(connection, BATCH_SIZE)
            async with connection.begin():
                rows = await outbox_db.unpublished(connection, BATCH_SIZE)
            await self._transport.publish(rows)
            async with connection.begin():
                positions = [row.position for row in rows if row.position is not None]
                await outbox_db.mark_published(connection, positions, now=self._now())
        self._succeeded(len(rows))
        return True

    async def _has_work(self, connection: AsyncConnection) -> bool:
        if not self._database.is_sqlite:
            async with connection.begin():
                waiting = await outbox_db.backlog(connection)
        else:
            # Opening a transaction on SQLite takes the only write lock: look with an autocommit read first.
            async with self._database.reading() as reader:
                waiting = await outbox_db.backlog(reader)
        return waiting.pending > 0

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._signal.wait()
        except TimeoutError:
            pass
        self._signal.clear()

    def _succeeded(self, count: int) -> None:
        self._metrics.published.inc(count)
        if self._is_failing:
            self._is_failing = False
            _log.info("relay_recovered")

    def _failed(self, error: Exception) -> None:
        self._metrics.publish_errors.labels(type(error).__name__).inc()
        if not self._is_failing:
            self._is_failing = True
            _log.warning("relay_failed", error=type(error).__name__, effect="events wait in the outbox, in order")
