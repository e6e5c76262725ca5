"""The hub: delivers every published event, in position order, to the stream listeners of this process."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import orjson
import structlog

from app.db.outbox import LogPlace, OutboxRecord
from app.events.listeners import Audience, Interest, StreamEvent, StreamListener
from app.events.patients import PatientListeners, ReadPatients

GAP_BATCH: Final = 500
"""Rows read from the event log at a time."""
ReadLog = Callable[[int, int | None, int], Awaitable[list[OutboxRecord]]]
"""Reads the event log: `read_log(after, before, limit)` returns the first `limit` rows with a position above `after`
and, unless it is None, below `before`, in position order."""
_log = structlog.get_logger("billing.hub")


def event_of_row(row: OutboxRecord) -> StreamEvent | None:
    """The event of a numbered outbox row; None, with a log line, if its data is not JSON.

    ValueError if the row has no position yet.
    """
    if row.position is None:
        raise ValueError(row.event_id)
    try:
        data = orjson.loads(row.data)
    except orjson.JSONDecodeError:
        _log.error("event_unreadable", event_id=row.event_id, position=row.position, effect="subscribers skip it")
        return None
    return StreamEvent(
        row.position,
        row.event_id,
        row.name,
        row.aggregate_id,
        row.provider_cnes,
        row.payer_ans,
        row.recorded_at,
        data,
    )


class Hub:
    """Delivers events strictly in position order, each once.

    A transport may repeat events, skip some (a broker that lost its data) and mix them up (six partitions, each with
    an order of its own). The event log has all of them in order, so the hub needs nothing but the last position that
    it delivered: what is not above it is a repetition, and a jump is filled from the log with `read_log`.
    `on_delivery` is called for each event, `on_lag` for each listener ended as too slow.

    A listener is woken only by events that it takes, and its queue contains no others: whether it takes an event is
    decided here, in memory, once for all listeners with the same interest.
    """

    def __init__(
        self,
        read_log: ReadLog,
        read_patients: ReadPatients,
        *,
        on_delivery: Callable[[StreamEvent], None] = lambda _: None,
        on_lag: Callable[[], None] = lambda: None,
    ) -> None:
        self._read_log = read_log
        self._on_delivery = on_delivery
        self._on_lag = on_lag
        self._audience = Audience()
        self._patients = PatientListeners(read_patients, on_lag=on_lag)
        # Filling a gap waits for the database: without the lock the next event would overtake the filled ones.
        self._lock = asyncio.Lock()
        # None while it is unknown because the log could not be read.
        self.last_place: LogPlace | None = None
        self._incarnation: str | None = None

    @property
    def subscribers(self) -> int:
        """How many listeners are active."""
        return len(self._audience) + len(self._patients)

    @property
    def last_position(self) -> int | None:
        """The position of the last event delivered; None while it is unknown."""
        return None if self.last_place is None else self.last_place.position

    def listen(self, interest: Interest) -> StreamListener:
        """A listener for what is published from now on and is of interest, until it is left."""
        group = self._audience if interest.scope.patient is None else self._patients
        listener = StreamListener(interest, self.last_place, group.remove)
        group.add(listener)
        return listener

    def has_begun(self, incarnation: str) -> bool:
        """Whether the events of this incarnation of the database are delivered."""
        return self.last_place is not None and self._incarnation == incarnation

    async def begin_after(self, place: LogPlace, incarnation: str) -> None:
        """Deliver the events after this place, the end of the event log of this incarnation; the place is ignored once
        anything is delivered.

        Another incarnation than before is a database that was restored: positions have other events now, so that all
        listeners are ended, with StreamExpired, and the place counts again.
        """
        async with self._lock:
            if self._incarnation not in {None, incarnation}:
                _log.warning("event_log_restored", effect="streams are ended, clients read their lists again")
                self._expire()
                self.last_place = None
            self.last_place, self._incarnation = self.last_place or place, incarnation

    def _expire(self) -> None:
        for listener in self._audience.listeners():
            listener.expire()
        self._patients.expire()

    async def deliver(self, event: StreamEvent) -> None:
        """Deliver the event after everything before it; an event that was delivered already is ignored.

        Errors of `read_log` are raised, and nothing after the gap is delivered.
        """
        async with self._lock:
            last = event.position - 1 if self.last_position is None else self.last_position
            if event.position <= last:
                return
            if event.position > last + 1:
                await self._fill(last, event.position)
                last = self.last_position or last
            # The log may still end before this event: then it is from the topic of another database, and to trust its
            # position would skip every event of our own below it.
            if event.position == last + 1:
                self._deliver_to_all(event)
            else:
                _log.warning("event_without_log", position=event.position, effect="skipped")

    async def catch_up(self) -> None:
        """Deliver what the event log holds after the last event delivered."""
        async with self._lock:
            if self.last_position is not None:
                await self._fill(self.last_position, None)

    async def _fill(self, after: int, before: int | None) -> None:
        while rows := await self._read_log(after, before, GAP_BATCH):
            for row in rows:
                event = event_of_row(row)
                # An unreadable row is passed as well, or no event after it would ever be delivered.
                after = row.position or after
                self.last_place = LogPlace(after, row.event_id)
                if event is not None:
                    self._deliver_to_all(event)
            if len(rows) < GAP_BATCH:
                return

    def close(self) -> None:
        """End every listener."""
        for listener in self._audience.listeners():
            listener.close()
        self._patients.close()

    def _deliver_to_all(self, event: StreamEvent) -> None:
        self.last_place = event.place
        self._on_delivery(event)
        for _ in range(self._audience.offer(event)):
            self._on_lag()
        self._patients.put(event)
