"""The hub: every published event, in position order, to the subscribers of this process."""

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
GAP_BATCH: Final = 500
_log = structlog.get_logger("billing.hub")
Missing = Callable[[int, int | None, int], Awaitable[list[OutboxRecord]]]


class Ended(Exception):
    """A subscription ended before its time; `cursor` is where to go on with a new one."""

    code = "UNAVAILABLE"
    message = "the gateway restarts, subscribe again"

    def __init__(self, position: int | None) -> None:
        super().__init__(self.message)
        self.extensions = {"code": self.code, "retryable": True}
        if position is not None:
            self.extensions["cursor"] = cursor_of(position)


class Lagged(Ended):
    """The subscriber was slower than the events for too long; it may subscribe again behind the cursor."""

    code = "LAGGED"
    message = "this subscription fell behind and was ended, subscribe again behind the cursor"


@dataclass(frozen=True, slots=True, eq=False)
class StreamEvent:
    """An event as subscribers hear it; the position is its place in the event log.

    `shared` holds the answers that were made of it, for subscribers who asked the same with the same permissions.
    """

    position: int
    name: str
    aggregate_id: str
    provider: str | None
    payer: str | None
    recorded_at: datetime
    data: dict[str, Any]
    shared: dict[Hashable, Any] = field(default_factory=dict, repr=False)


def heard(row: OutboxRecord) -> StreamEvent | None:
    """The numbered outbox row as an event for subscribers; None, with a log line, for data that nobody can read."""
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


class Subscription:
    """One subscriber's bounded queue. `position` is that of the last event it took, or where it began."""

    def __init__(self, position: int | None) -> None:
        self.position = position
        self._waiting: deque[StreamEvent] = deque()
        self._signal = asyncio.Event()
        self._end: type[Ended] | None = None

    def offer(self, event: StreamEvent) -> bool:
        """Queue the event; a full queue ends the subscription, instead of slowing everybody down: then False."""
        if self._end is not None:
            return True
        is_full = len(self._waiting) >= QUEUE_MAX
        if is_full:
            self._end = Lagged
        else:
            self._waiting.append(event)
        self._signal.set()
        return not is_full

    def close(self) -> None:
        """End the subscription after what is queued."""
        self._end = self._end or Ended
        self._signal.set()

    async def __aiter__(self) -> AsyncIterator[StreamEvent]:
        """The events in order; at the end Lagged or Ended."""
        while True:
            while self._waiting:
                event = self._waiting.popleft()
                self.position = event.position
                yield event
            if self._end is not None:
                raise self._end(self.position)
            self._signal.clear()
            await self._signal.wait()


class Hub:
    """Hands out events strictly in position order; gaps are filled from the event log by `missing(after, before,
    limit)`, which gives the next rows behind `after`, at most `limit`, and only those before `before` if given."""

    def __init__(
        self,
        missing: Missing,
        *,
        on_delivery: Callable[[StreamEvent], None] = lambda _: None,
        on_lag: Callable[[], None] = lambda: None,
    ) -> None:
        self._missing = missing
        self._on_delivery = on_delivery
        self._on_lag = on_lag
        self._subscriptions: set[Subscription] = set()
        self._lock = asyncio.Lock()
        # None: not known yet, because the log could not be read; the first event heard is then the beginning.
        self.last_position: int | None = None

    @property
    def subscribers(self) -> int:
        """How many subscriptions are live."""
        return len(self._subscriptions)

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """A subscription to everything that is published from now on."""
        subscription = Subscription(self.last_position)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    async def deliver(self, event: StreamEvent) -> None:
        """Hand the event out once, after everything that stands before it."""
        async with self._lock:
            last = event.position - 1 if self.last_position is None else self.last_position
            if event.position <= last:
                return
            if event.position > last + 1:
                await self._fill(last, event.position)
                last = self.last_position or last
            # What the log does not lead up to is not ours: to take its word would skip everything before it.
            if event.position == last + 1:
                self._hand_out(event)
            else:
                _log.warning("event_without_log", position=event.position, effect="skipped")

    async def catch_up(self) -> None:
        """Hand out what the event log holds behind the last event heard."""
        async with self._lock:
            if self.last_position is not None:
                await self._fill(self.last_position, None)

    async def _fill(self, after: int, before: int | None) -> None:
        while rows := await self._missing(after, before, GAP_BATCH):
            for row in rows:
                event = heard(row)
                after = self.last_position = row.position or after
                if event is not None:
                    self._hand_out(event)
            if len(rows) < GAP_BATCH:
                return

    def close(self) -> None:
        """End every subscription."""
        for subscription in list(self._subscriptions):
            subscription.close()

    def _hand_out(self, event: StreamEvent) -> None:
        self.last_position = event.position
        self._on_delivery(event)
        for subscription in self._subscriptions:
            if not subscription.offer(event):
                self._on_lag()
