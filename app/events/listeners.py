"""Stream listeners: which events one client of a stream takes, and the bounded queue between it and the hub."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol, Self

from app.db.outbox import LogPlace
from app.domain.data_scope import DataScope
from app.domain.errors import ErrorCode
from app.values.frozen import frozen

ANY_PROVIDER: Final = None
PROVIDERS_INDEXED_MAX: Final = 20
"""A data scope with more providers costs more to enter into an index than to compare with every event."""
QUEUE_MAX: Final = 256
"""How many events a listener may be behind before it is ended; the queues share the events, so a queue is small."""


class StreamEnded(Exception):
    """The stream ended before its client left, after it had got everything up to `place`, if that is known.

    Who has the key of cursors adds the `cursor` to continue after to the `extensions`.
    """

    code = "UNAVAILABLE"
    message = "the gateway is restarting, subscribe again"

    def __init__(self, place: LogPlace | None) -> None:
        super().__init__(self.message)
        self.place = place
        self.extensions: dict[str, Any] = {"code": self.code, "retryable": True}


class StreamLagged(StreamEnded):
    """The client read more slowly than events came, until its queue was full."""

    code = "LAGGED"
    message = "this subscription fell behind and was ended, subscribe again after the cursor"


class StreamExpired(StreamEnded):
    """The database was restored: no cursor is valid any more, and the stream gives none."""

    code = ErrorCode.CURSOR_EXPIRED.value
    message = "the event log was restored: read the list again, and subscribe without a cursor"

    def __init__(self, _place: LogPlace | None) -> None:
        super().__init__(None)
        self.extensions["retryable"] = False


@dataclass(frozen=True, slots=True, eq=False)
class StreamEvent:
    """A published event; `position` is its place in the event log, counted from 1 without gaps.

    `shared` caches encoded answers, so that subscribers with the same document and permissions share one execution.
    """

    position: int
    event_id: str
    name: str
    aggregate_id: str
    provider: str | None
    payer: str | None
    recorded_at: datetime
    data: dict[str, Any]
    shared: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    @property
    def place(self) -> LogPlace:
        """The place after the event."""
        return LogPlace(self.position, self.event_id)


@frozen
class StreamStart:
    """The first message of every stream: nothing has happened yet, and the stream continues after `cursor`."""

    cursor: str


class EventFilter(Protocol):
    """What a subscriber asks for; hashable, so that listeners with equal filters are asked once."""

    def matches(self, event: StreamEvent) -> bool:
        """Whether the event meets every condition; it must not raise."""

    def __hash__(self) -> int: ...


@frozen
class Interest:
    """The events that a listener takes: those with one of the `names`, within the data scope, that `where` matches.

    An event names no patient. If the data scope does, whoever has the event also looks at whose claim it concerns.
    """

    names: frozenset[str]
    scope: DataScope
    where: EventFilter

    def includes(self, event: StreamEvent) -> bool:
        """Whether the event is one of them, apart from its patient."""
        return (
            event.name in self.names
            and self.scope.contains(provider=event.provider, payer=event.payer, patient=self.scope.patient)
            and self.where.matches(event)
        )


Prepare = Callable[[StreamEvent, Callable[[], None]], bool]
"""Begins what a client needs of an event: `prepare(event, wake)` says whether it calls `wake` later; False for now."""


class StreamListener:
    """The bounded event queue of one client; `place` is that of the last event taken from it, or where it began.

    Iterate over it for the events in order; it waits for new ones, and ends by raising StreamEnded or StreamLagged.
    `prepare` is called with an event for which the client waits: it is woken when that has been done, and not twice.
    """

    def __init__(
        self, interest: Interest, place: LogPlace | None, on_leave: Callable[["StreamListener"], None]
    ) -> None:
        self.interest = interest
        self.place = place
        self.prepare: Prepare | None = None
        self._on_leave = on_leave
        self._start = 0 if place is None else place.position
        # Only while there are events: an empty deque has 760 bytes, as has an asyncio.Event, and thousands wait.
        self._queue: deque[StreamEvent] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._ended_by: type[StreamEnded] | None = None

    def offer(self, event: StreamEvent) -> bool:
        """Queue the event; False if that failed because the queue is full, which ends this listener.

        The hub never waits for a slow listener, since all others would wait with it. A listener that has ended takes
        no more events, so that its client never sees an event after a hole.
        """
        if self._ended_by is not None or event.position <= self._start:
            return True
        if self._queue is None:
            self._queue = deque()
        if len(self._queue) >= QUEUE_MAX:
            self.lag()
            return False
        self._queue.append(event)
        # Who has another event before this one either works on it, or is woken for it.
        if len(self._queue) == 1:
            self._announce(event)
        return True

    def _announce(self, event: StreamEvent) -> None:
        is_waiting = self._waiter is not None and not self._waiter.done()
        if is_waiting and (self.prepare is None or not self.prepare(event, self._wake)):
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def lag(self) -> None:
        """End the listener as too slow once its queue is read."""
        self._ended_by = self._ended_by or StreamLagged
        self._wake()

    def close(self) -> None:
        """End the listener once its queue is read."""
        self._ended_by = self._ended_by or StreamEnded
        self._wake()

    def expire(self) -> None:
        """End the listener at once: what is queued is of a log that is gone."""
        self._queue = None
        self._ended_by = StreamExpired
        self._wake()

    def leave(self) -> None:
        """Take no more events."""
        self._on_leave(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.leave()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamEvent:
        while not self._queue:
            self._queue = None
            if self._ended_by is not None:
                raise self._ended_by(self.place)
            # Its client is the only one who waits.
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        event = self._queue.popleft()
        self.place = event.place
        return event


_NOBODY: Final[Mapping[Interest, set[StreamListener]]] = {}


class Audience:
    """Listeners, those with equal interests together: each event is compared once with each different interest.

    Interests whose data scope names a few providers are found by them: an event is not compared with the others.
    """

    def __init__(self) -> None:
        self._by_provider: dict[str | None, dict[Interest, set[StreamListener]]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, listener: StreamListener) -> None:
        """Let the listener take part."""
        self._size += 1
        for provider in _places(listener.interest):
            self._by_provider.setdefault(provider, {}).setdefault(listener.interest, set()).add(listener)

    def remove(self, listener: StreamListener) -> None:
        """Leave the listener out from now on."""
        self._size -= 1
        for provider in _places(listener.interest):
            groups = self._by_provider[provider]
            group = groups[listener.interest]
            group.discard(listener)
            if not group:
                del groups[listener.interest]
            if not groups:
                del self._by_provider[provider]

    def offer(self, event: StreamEvent) -> int:
        """Queue the event for each listener whose interest includes it; how many were ended because of full queues."""
        ended = 0
        for provider in {ANY_PROVIDER, event.provider}:
            for interest, group in self._by_provider.get(provider, _NOBODY).items():
                if interest.includes(event):
                    ended += sum(not listener.offer(event) for listener in group)
        return ended

    def listeners(self) -> list[StreamListener]:
        """All of them."""
        return list({one for groups in self._by_provider.values() for group in groups.values() for one in group})


def _places(interest: Interest) -> Collection[str | None]:
    """Under which providers an interest is found; under none of them if its data scope names too many, or no one."""
    scope = interest.scope
    is_narrow = not scope.any_provider and 0 < len(scope.providers) <= PROVIDERS_INDEXED_MAX
    return scope.providers if is_narrow else (ANY_PROVIDER,)
