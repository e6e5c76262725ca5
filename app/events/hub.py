"""The hub: delivers every published event, in position order, to the stream listeners of this process."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson
import structlog

from app.db.outbox import OutboxRecord
from app.events.cursors import cursor_of

QUEUE_MAX: Final = 256
"""How many events a listener may be behind before it is ended; the queues share the events, so a queue is small."""
GAP_BATCH: Final = 500
"""Rows read from the event log at a time."""
ReadLog = Callable[[int, int | None, int], Awaitable[list[OutboxRecord]]]
"""Reads the event log: `read_log(after, before, limit)` returns the first `limit` rows with a position above `after`
and, unless it is None, below `before`, in position order."""
_log = structlog.get_logger("billing.hub")


class StreamEnded(Exception):
    """The stream ended before its client left; `extensions` hold the `cursor` to continue after, if there is one."""

    code = "UNAVAILABLE"
    message = "the gateway is restarting, subscribe again"

    def __init__(self, position: int | None) -> None:
        super().__init__(self.message)
        self.extensions = {"code": self.code, "retryable": True}
        if position is not None:
            self.extensions["cursor"] = cursor_of(position)


class StreamLagged(StreamEnded):
    """The client read more slowly than events came, until its queue was full."""

    code = "LAGGED"
    message = "this subscription fell behind and was ended, subscribe again after the cursor"


@dataclass(frozen=True, slots=True, eq=False)
class StreamEvent:
    """A published event; `position` is its place in the event log, counted from 1 without gaps.

    `shared` caches encoded answers, so that subscribers with the same document and permissions share one execution.
    """

    position: int
    name: str
    aggregate_id: str
    provider: str | None
    payer: str | None
    recorded_at: datetime
    data: dict[str, Any]
    shared: dict[Hashable, Any] = field(default_factory=dict, repr=False)


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
        row.position, row.name, row.aggregate_id, row.provider_cnes, row.payer_ans, row.recorded_at, data
    )


class StreamListener:
    """The bounded event queue of one client; `position` is that of the last event taken from it, or where it began."""

    def __init__(self, position: int | None) -> None:
        self.position = position
        self._queue: deque[StreamEvent] = deque()
        self._has_changed = asyncio.Event()
        self._ended_by: type[StreamEnded] | None = None

    def offer(self, event: StreamEvent) -> bool:
        """Queue the event; False if that failed because the queue is full, which ends this listener.

        The hub never waits for a slow listener, since all others would wait with it. A listener that has ended takes
        no more events, so that its client never sees an event after a hole.
        """
        if self._ended_by is not None:
            return True
        is_full = len(self._queue) >= QUEUE_MAX
        if is_full:
            self._ended_by = StreamLagged
        else:
            self._queue.append(event)
        self._has_changed.set()
        return not is_full

    def close(self) -> None:
        """End the listener once its queue is read."""
        self._ended_by = self._ended_by or StreamEnded
        self._has_changed.set()

    async def __aiter__(self) -> AsyncIterator[StreamEvent]:
        """The events in order, waiting for new ones; ends by raising StreamEnded or StreamLagged."""
        while True:
            while self._queue:
                event = self._queue.popleft()
                self.position = event.position
                yield event
            if self._ended_by is not None:
                raise self._ended_by(self.position)
            self._has_changed.clear()
            await self._has_changed.wait()


class Hub:
    """Delivers events strictly in position order, each once.

    A transport may repeat events, skip some (a broker that lost its data) and mix them up (six partitions, each with
    an order of its own). The event log has all of them in order, so the hub needs nothing but the last position that
    it delivered: what is not above it is a repetition, and a jump is filled from the log with `read_log`.
    `on_delivery` is called for each event, `on_lag` for each listener ended as too slow.
    """

    def __init__(
        self,
        read_log: ReadLog,
        *,
        on_delivery: Callable[[StreamEvent], None] = lambda _: None,
        on_lag: Callable[[], None] = lambda: None,
    ) -> None:
        self._read_log = read_log
        self._on_delivery = on_delivery
        self._on_lag = on_lag
        self._listeners: set[StreamListener] = set()
        # Filling a gap waits for the database: without the lock the next event would overtake the filled ones.
        self._lock = asyncio.Lock()
        # None while it is unknown because the log could not be read: delivery then begins with the next event.
        self.last_position: int | None = None

    @property
    def subscribers(self) -> int:
        """How many listeners are active."""
        return len(self._listeners)

    @contextmanager
    def listen(self) -> Iterator[StreamListener]:
        """A listener for everything published from now on."""
        listener = StreamListener(self.last_position)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

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
                after = self.last_position = row.position or after
                if event is not None:
                    self._deliver_to_all(event)
            if len(rows) < GAP_BATCH:
                return

    def close(self) -> None:
        """End every listener."""
        for listener in list(self._listeners):
            listener.close()

    def _deliver_to_all(self, event: StreamEvent) -> None:
        self.last_position = event.position
        self._on_delivery(event)
        for listener in self._listeners:
            if not listener.offer(event):
                self._on_lag()
