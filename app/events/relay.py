"""The relay: in one process at a time, the leader, it publishes what is committed to the outbox."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import clock
from app.db import outbox as outbox_db
from app.db.clock import ClocksDiffer
from app.db.engine import Database
from app.events.forever import end_if_cancelled
from app.events.lead import Lead, LeadLost, session
from app.events.publishing import DATABASE_TIMEOUT_SECONDS, Publisher, PublishFailed, Transport
from app.tasks.waiting import wait_at_most
from app.telemetry.metrics import Metrics
from app.telemetry.outages import Outage

POLL_SECONDS: Final = 0.5
IDLE_SECONDS: Final = 2.0
"""While it is subscribed to what other processes say about their commits."""
NEXT_SECONDS: Final = 0.05
"""After a batch: what other processes have committed meanwhile, for which nobody calls `wake`."""
RETRY_SECONDS: Final = 1.0
CLEANUP_SECONDS: Final = 60.0
CLEANUP_SIZE: Final = 1_000
_log = structlog.get_logger("billing.relay")


class Notices(Protocol):
    """What other processes say about their commits (`CommitNotices`)."""

    @property
    def is_heard(self) -> bool:
        """Whether it is subscribed to what they say."""

    def heard(self, wake: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """Call `wake` after a commit of another process."""


class Relay:
    """A background loop over the outbox; `retention` is how long published events stay in the event log.

    Call `wake` after a commit, so that events are published at once instead of at the next look. `notices` do it for
    commits of other processes: with them it looks every two seconds, without them twice a second.
    """

    def __init__(
        self,
        database: Database,
        transport: Transport,
        *,
        metrics: Metrics,
        now: Callable[[], datetime],
        lead: Lead,
        notices: Notices | None = None,
        retention: timedelta = timedelta(days=30),
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._lead = lead
        self._notices = notices
        self._retention = retention
        self._publisher = Publisher(database, transport, metrics=metrics, now=now, lead=lead)
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
        """Lead whenever no other process does, until `stop`; every failure is retried, and logged once per outage."""
        while not self._is_stopping:
            try:
                await self._lead_when_possible()
            except (asyncio.CancelledError, Exception) as error:  # noqa: BLE001 - the relay must survive every failure
                end_if_cancelled(error)
                self._failed(error)
            finally:
                self._metrics.is_leader.set(0)
            if not self._is_stopping:
                await self._pause(RETRY_SECONDS)

    def stop(self) -> None:
        """End the loop after the batch in progress."""
        self._is_stopping = True
        self._signal.set()

    @property
    def leads(self) -> bool:
        """Whether no other process can lead at this moment."""
        return self._lead.may_send()

    async def _lead_when_possible(self) -> None:
        """Wait for the lease, and publish until it is lost or the database fails.

        What a leader that has lost it may still have sent is sent again by the next one, with the same positions.
        """
        async with session(self._database) as connection:
            while (seconds := await self._lead.take(connection)) is not None:
                if self._is_stopping:
                    return
                await asyncio.sleep(seconds)
            async with self._lead.renewed(self._database), self._heard():
                self._metrics.is_leader.set(1)
                await self._publisher.release_known(connection)
                await self._publish(connection)

    async def _publish(self, connection: AsyncConnection) -> None:
        while not self._is_stopping:
            self._lead.check()
            try:
                has_published = await self._publisher.publish_batch(connection)
            except PublishFailed as failed:
                # The broker is down, the database is not: to lead on costs nothing.
                self._failed(failed.__cause__ or failed)
                await self._pause(RETRY_SECONDS)
                continue
            self._outage.succeeded()
            await self._clean_up(connection)
            await self._pause(NEXT_SECONDS if has_published else self._idle_seconds)

    def _heard(self) -> AbstractAsyncContextManager[None]:
        return nullcontext() if self._notices is None else self._notices.heard(self.wake)

    @property
    def _idle_seconds(self) -> float:
        return IDLE_SECONDS if self._notices is not None and self._notices.is_heard else POLL_SECONDS

    async def _clean_up(self, connection: AsyncConnection) -> None:
        """Delete events published longer ago than the retention, at most 1,000 at a time, so that locks are short."""
        if time.monotonic() < self._cleanup_at:
            return
        async with asyncio.timeout(DATABASE_TIMEOUT_SECONDS), connection.begin():
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
        await wait_at_most(self._signal, seconds)
        self._signal.clear()

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, LeadLost):
            _log.info("relay_lost_lead")
            return
        self._metrics.publish_failed(error)
        self._outage.failed(error)
