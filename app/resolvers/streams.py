"""Streams: events of the event log within the caller's data scope, from now on or from a cursor on."""

from collections.abc import AsyncGenerator, Collection, Sequence
from typing import Final, Self

from app.db import claims, identity, outbox
from app.db.outbox import LogPlace, OutboxRecord
from app.domain.errors import BillingError, ErrorCode, refuse
from app.events.cursors import StreamPlace
from app.events.hub import event_of_row
from app.events.listeners import (
    EventFilter,
    Interest,
    Prepare,
    StreamEnded,
    StreamEvent,
    StreamListener,
    StreamStart,
)
from app.resolvers.context import Context

REPLAY_BATCH: Final = 200
StreamMessage = StreamStart | StreamEvent
Events = AsyncGenerator[StreamEvent, None]


class Stream:
    """The messages of one subscription: the start; then the log after the cursor `after`, at `place`; then live events,
    each event once. Iterate over it, and close it; StreamEnded has the cursor to continue after.

    `prepare` is told of the live events that the client waits for (listeners.py).

    A class and no generator: thousands wait here, and a chain of generators costs each event as many steps as it has.
    """

    def __init__(self, ctx: Context, interest: Interest, after: str | None, place: StreamPlace | None) -> None:
        self.prepare: Prepare | None = None
        self._ctx = ctx
        self._interest = interest
        self._beginning: AsyncGenerator[StreamMessage, None] | None = self._begin(after, place)
        self._listener: StreamListener | None = None
        self._last = 0
        self._is_counted = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamMessage:
        if not self._is_counted:
            self._is_counted = True
            self._ctx.metrics.subscribers.inc()
        try:
            while self._beginning is not None:
                async for message in self._beginning:
                    return message
                self._beginning = None
            assert self._listener is not None  # noqa: S101 - it is made in the beginning
            while (event := await anext(self._listener)).position <= self._last:
                pass
        except StreamEnded as ended:
            if ended.place is not None:
                ended.extensions["cursor"] = self._ctx.stream_cursors.cursor(ended.place)
            raise
        return event

    async def aclose(self) -> None:
        """Take no more messages."""
        if self._beginning is not None:
            await self._beginning.aclose()
            self._beginning = None
        if self._listener is not None:
            self._listener.leave()
            self._listener = None
        self.prepare = None
        if self._is_counted:
            self._is_counted = False
            self._ctx.metrics.subscribers.dec()

    async def _begin(self, after: str | None, place: StreamPlace | None) -> AsyncGenerator[StreamMessage, None]:
        """What comes before live events.

        The log is replayed twice. The long replay runs before the listener exists, whose queue of 256 events would
        overflow meanwhile. The short second one runs while it listens: it covers what was published in between, and
        live events that it has sent already are skipped by their position.
        """
        ctx, last = self._ctx, None if place is None else place.position
        if after is not None and last is not None:
            yield StreamStart(after)
            async for event in _replayed(ctx, self._interest, last):
                last = event.position
                yield event
        self._listener = ctx.hub.listen(self._interest)
        self._listener.prepare = self.prepare
        if last is None:
            begin = self._listener.place or LogPlace(0, "")
            last = begin.position
            yield StreamStart(ctx.stream_cursors.cursor(begin))
        else:
            async for event in _replayed(ctx, self._interest, last):
                last = event.position
                yield event
        self._last = last


async def open_stream(ctx: Context, names: frozenset[str], where: EventFilter, after: str | None) -> Stream:
    """The events of these names that `where` matches, after the cursor `after`, or from now on if it is None.

    The first message is where the stream starts, so that a client has a cursor before the first event comes.

    BillingError INVALID_INPUT if `after` is not a stream cursor of this gateway, CURSOR_EXPIRED if events after it
    have been deleted or the log is no longer the one that the cursor was made from.
    """
    place = None if after is None else _place(ctx, after)
    if place is not None or ctx.hub.last_place is None or ctx.database.incarnation is None:
        await _read_log(ctx, place)
    interest = Interest(names, ctx.scope, where)
    return Stream(ctx, interest, after, place)


def _place(ctx: Context, cursor: str) -> StreamPlace:
    try:
        return ctx.stream_cursors.place(cursor)
    except ValueError:
        raise refuse(ErrorCode.INVALID_INPUT, "invalid stream cursor", "after") from None


async def _read_log(ctx: Context, after: StreamPlace | None) -> None:
    """Let the hub begin, if it has not yet, and check the place against the event log."""
    async with ctx.database.reading() as connection:
        log, end = await outbox.log_range(connection), await outbox.end_of_log(connection)
        event_id = None if after is None else await outbox.event_at(connection, after.position)
        incarnation = ctx.database.incarnation = (await identity.read(connection)).incarnation
    # Otherwise the hub would skip what is published before the first event that it happens to get.
    await ctx.hub.begin_after(end, incarnation)
    if after is None:
        return
    if after.position < log.first - 1:
        raise _expired("events after this cursor have been deleted")
    # Retention may have deleted the event at the position itself: then the incarnation alone decides.
    if after.position > log.last or not after.is_of(event_id, incarnation):
        raise _expired("the event log was restored after this cursor was made")


def _expired(reason: str) -> BillingError:
    message = f"{reason}: read the list again, and subscribe without a cursor"
    return refuse(ErrorCode.CURSOR_EXPIRED, message, "after")


async def _replayed(ctx: Context, interest: Interest, after: int) -> Events:
    while True:
        async with ctx.database.reading() as connection:
            rows = await outbox.named_after(connection, ctx.scope, after, interest.names, REPLAY_BATCH)
        shown = await _visible(ctx, rows)
        for row in rows:
            event = event_of_row(row)
            after = row.position or after
            if event is not None and event.aggregate_id in shown and interest.includes(event):
                yield event
        if len(rows) < REPLAY_BATCH:
            return


async def _visible(ctx: Context, rows: Sequence[OutboxRecord]) -> Collection[str]:
    """The aggregates whose events the caller may see.

    The patient in the log may have been corrected since, so for a patient the present claims count: read for a whole
    batch, as the hub does for live events.
    """
    aggregates = {row.aggregate_id for row in rows}
    if ctx.scope.patient is None or not aggregates:
        return aggregates
    async with ctx.database.reading() as connection:
        return await claims.patients_of(connection, ctx.scope, sorted(aggregates))
