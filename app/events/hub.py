"""The hub: every published event, in position order, to the subscribers of this process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import orjson

from app.db.outbox import OutboxRecord

QUEUE_MAX: Final = 256
END_OF_LOG: Final = 2**62
_CLOSED: Final = object()


class Lagged(Exception):
    """The subscriber was slower than the events for too long; it may subscribe again."""

    code = "LAGGED"
    message = "this subscription fell behind and was ended, subscribe again"
    extensions: Final = {"code": "LAGGED", "retryable": True}

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class Heard:
    """An event as subscribers hear it; the position is its place in the event log."""

    position: int
    name: str
    aggregate_id: str
    provider: str | None
    payer: str | None
    data: dict[str, Any]


def heard(row: OutboxRecord) -> Heard:
    """The outbox row as an event for subscribers; it must have been numbered."""
    if row.position is None:
        raise ValueError(row.event_id)
    data = orjson.loads(row.data)
    return Heard(row.position, row.name, row.aggregate_id, row.provider_cnes, row.payer_ans, data)


class Subscription:
    """One subscriber's bounded queue."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Any] = asyncio.Queue(QUEUE_MAX)
        self._has_lagged = False

    def offer(self, event: Heard) -> None:
        """Queue the event; a full queue ends the subscription instead of slowing everybody down."""
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self._has_lagged = True

    def close(self) -> None:
        """End the subscription after what is queued."""
        if not self._queue.full():
            self._queue.put_nowait(_CLOSED)

    async def __aiter__(self) -> AsyncIterator[Heard]:
        while True:
            if self._has_lagged and self._queue.empty():
                raise Lagged
            event = await self._queue.get()
            if event is _CLOSED:
                return
            yield event


class Hub:
    """Hands out events strictly in position order; a gap is filled from the event log by `missing(after, before)`."""

    def __init__(self, missing: Callable[[int, int], Awaitable[list[OutboxRecord]]]) -> None:
        self._missing = missing
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
        subscription = Subscription()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    async def deliver(self, event: Heard) -> None:
        """Hand the event out once, after everything that stands before it."""
        async with self._lock:
            last = event.position - 1 if self.last_position is None else self.last_position
            if event.position <= last:
                return
            if event.position > last + 1:
                for row in await self._missing(last, event.position):
                    self._hand_out(heard(row))
            self._hand_out(event)

    async def catch_up(self) -> None:
        """Hand out what the event log holds behind the last event heard."""
        async with self._lock:
            if self.last_position is None:
                return
            for row in await self._missing(self.last_position, END_OF_LOG):
                self._hand_out(heard(row))

    def close(self) -> None:
        """End every subscription."""
        for subscription in list(self._subscriptions):
            subscription.close()

    def _hand_out(self, event: Heard) -> None:
        self.last_position = event.position
        for subscription in self._subscriptions:
            subscription.offer(event)
