"""Publishing: committed events are numbered, sent in order, and only then marked as published.

An event that cannot be published is parked, and every later event of its aggregate waits for it: none is skipped, and
none overtakes another. `billing parked` lists parked events, `billing release` lets the relay try them again. An event
whose name this release does not know waits, with the later ones of its aggregate, for a leader of a newer release.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from datetime import datetime
from typing import Final, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import outbox as outbox_db
from app.db.engine import Database
from app.db.leadership import Lease
from app.db.outbox import OutboxRecord, WaitingEvent
from app.db.session import Session
from app.events.cloud_events import UNKNOWN_NAME, unpublishable_reason
from app.events.contracts import CONTRACTS
from app.events.forever import end_if_cancelled
from app.events.next_rows import next_rows
from app.telemetry.metrics import Metrics

BATCH_SIZE: Final = 200
DATABASE_TIMEOUT_SECONDS: Final = 20.0
PUBLISH_TIMEOUT_SECONDS: Final = 20.0
_log = structlog.get_logger("billing.relay")


class EventRefused(Exception):
    """The broker is up and will never accept one of the events; the text says why."""


class PublishFailed(Exception):
    """The events could not be sent now; the cause says why."""


class Transport(Protocol):
    """Where events are published."""

    async def publish(self, rows: Sequence[OutboxRecord]) -> None:
        """Return once all rows are stored there; EventRefused if it will never accept one, any error if it may later.

        After an error any of the rows may have been published.
        """

    async def close(self) -> None:
        """Give back connections."""


class Leading(Protocol):
    """The right to publish (`Lead`): whatever writes raises if another process may have it."""

    async def write(self, connection: AsyncConnection, statement: Callable[[Lease | None], Awaitable[int]]) -> None:
        """Run one statement, which gets the lease if there is one, and commit it."""

    def transaction(self, connection: AsyncConnection) -> AbstractAsyncContextManager[object]:
        """A transaction."""

    def sending(self) -> AbstractContextManager[None]:
        """While something is being sent."""


class Alone:
    """Nobody else publishes."""

    async def write(self, connection: AsyncConnection, statement: Callable[[Lease | None], Awaitable[int]]) -> None:
        """Run and commit it."""
        async with connection.begin():
            await statement(None)

    def transaction(self, connection: AsyncConnection) -> AbstractAsyncContextManager[object]:
        """A transaction of the connection."""
        return connection.begin()

    def sending(self) -> AbstractContextManager[None]:
        """Nothing is to be done."""
        return nullcontext()


class Publisher:
    """Publishes a batch at a time, as long as `lead` allows it."""

    def __init__(
        self,
        database: Database,
        transport: Transport,
        *,
        metrics: Metrics,
        now: Callable[[], datetime],
        lead: Leading | None = None,
    ) -> None:
        self._database = database
        self._transport = transport
        self._metrics = metrics
        self._now = now
        self._lead = lead or Alone()

    async def release_known(self, connection: AsyncConnection) -> None:
        """Let events that an older release has parked, since it did not know their names, be published."""
        async with asyncio.timeout(DATABASE_TIMEOUT_SECONDS), self._lead.transaction(connection):
            await outbox_db.release_named(connection, UNKNOWN_NAME, CONTRACTS)

    async def publish_batch(self, connection: AsyncConnection) -> bool:
        """Number and publish up to 200 events; whether there were any. PublishFailed if they cannot be sent now.

        A crash after publishing and before marking repeats events, with the same ids and positions; it skips none.
        """
        began = time.perf_counter()
        async with asyncio.timeout(DATABASE_TIMEOUT_SECONDS):
            rows = await self._next(connection)
        if rows is None:
            return False
        with self._lead.sending():
            await self._publish(connection, rows)
        self._metrics.batch_seconds.observe(time.perf_counter() - began)
        return True

    async def _next(self, connection: AsyncConnection) -> list[OutboxRecord] | None:
        """The next rows to publish, which have positions now; None if there are none.

        Usually few events wait, and none of them is held back: they are read with one statement and numbered with
        another one. What was read is still true when it is numbered, since only the leader publishes, numbers and
        parks, and the statement that numbers changes nothing if somebody else has led meanwhile.
        """
        waiting = await self._waiting(connection)
        if len(waiting) <= BATCH_SIZE:
            rows = next_rows(waiting)
            if not rows:
                return None
            if all(unpublishable_reason(row) is None for row in rows):
                await self._number(connection, waiting, rows)
                return rows
        elif not await self._has_work(connection):
            return None
        return await self._numbered(connection)

    async def _number(
        self, connection: AsyncConnection, waiting: Sequence[WaitingEvent], rows: Sequence[OutboxRecord]
    ) -> None:
        new = {each.row.id for each in waiting if each.row.position is None}
        positions = [(row.id, row.position) for row in rows if row.id in new and row.position is not None]
        if positions:
            await self._lead.write(connection, lambda lease: outbox_db.assign_positions(connection, positions, lease))
        else:
            # The send before has failed: nothing is written, and the lease may be too old to send.
            async with self._lead.transaction(connection):
                pass

    async def _waiting(self, connection: AsyncConnection) -> list[WaitingEvent]:
        """Everything that is not published, if that is at most a batch; otherwise the first rows of it."""
        if isinstance(connection, Session):
            return await outbox_db.waiting(connection, BATCH_SIZE + 1)
        # A transaction on SQLite takes the only write lock: an autocommit read does not delay writers.
        async with self._database.reading() as reader:
            return await outbox_db.waiting(reader, BATCH_SIZE + 1)

    async def _numbered(self, connection: AsyncConnection) -> list[OutboxRecord]:
        """The rows to publish, after giving positions to committed ones, in a transaction before any is published.

        So a row keeps its position if publishing fails. A parked row gets none, which leaves no gap.
        """
        async with self._lead.transaction(connection):
            may_be = await outbox_db.may_be_published(connection, CONTRACTS)
            new = await outbox_db.unnumbered(connection, BATCH_SIZE, may_be)
            numbered = await self._publishable(connection, new)
            await outbox_db.number(connection, [row.id for row in numbered])
            if len(numbered) < len(new):
                # One was parked, and those after it wait.
                may_be = await outbox_db.may_be_published(connection, CONTRACTS)
            # Rows numbered before are checked again: since then a release with other contracts may have started, or an
            # operator may have changed the row.
            return await self._publishable(connection, await outbox_db.unpublished(connection, BATCH_SIZE, may_be))

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
            await self._send(rows)
        except EventRefused:
            await self._publish_one_by_one(connection, rows)
        else:
            await self._mark(connection, rows)

    async def _send(self, rows: Sequence[OutboxRecord]) -> None:
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_SECONDS):
                await self._transport.publish(rows)
        except EventRefused:
            raise
        except (asyncio.CancelledError, Exception) as error:
            end_if_cancelled(error)
            raise PublishFailed from error

    async def _publish_one_by_one(self, connection: AsyncConnection, rows: Sequence[OutboxRecord]) -> None:
        """Publish again, to find out which events the broker refuses: they are parked, all others go on."""
        refused: set[str] = set()
        for row in rows:
            if row.aggregate_id in refused:
                continue
            try:
                await self._send([row])
            except EventRefused as error:
                refused.add(row.aggregate_id)
                async with asyncio.timeout(DATABASE_TIMEOUT_SECONDS), self._lead.transaction(connection):
                    await self._park(connection, row, str(error))
            else:
                await self._mark(connection, [row])

    async def _park(self, connection: AsyncConnection, row: OutboxRecord, reason: str) -> None:
        _log.error("event_parked", event_id=row.event_id, name=row.name, aggregate=row.aggregate_id, reason=reason)
        await outbox_db.park(connection, row.id, reason=reason, now=self._now())

    async def _mark(self, connection: AsyncConnection, rows: Sequence[OutboxRecord]) -> None:
        positions, now = [row.position for row in rows if row.position is not None], self._now()
        async with asyncio.timeout(DATABASE_TIMEOUT_SECONDS):
            await self._lead.write(
                connection, lambda lease: outbox_db.mark_published(connection, positions, now, lease)
            )
        self._metrics.published.inc(len(positions))

    async def _has_work(self, connection: AsyncConnection) -> bool:
        """Whether any of many events may be published."""
        if isinstance(connection, Session):
            async with self._lead.transaction(connection):
                found = await outbox_db.backlog(connection, CONTRACTS)
        else:
            async with self._database.reading() as reader:
                found = await outbox_db.backlog(reader, CONTRACTS)
        return found.pending > 0
