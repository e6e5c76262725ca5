"""Streams: events of the event log within the caller's data scope, from now on or from a cursor on."""

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from typing import Final

from app.db import claims, outbox
from app.db.outbox import OutboxRecord
from app.domain.errors import ErrorCode, refuse
from app.events.cursors import position_of
from app.events.hub import event_of_row
from app.events.listeners import EventFilter, Interest, StreamEvent, StreamStart
from app.resolvers.context import Context

REPLAY_BATCH: Final = 200
StreamMessage = StreamStart | StreamEvent
Stream = AsyncGenerator[StreamMessage, None]
Events = AsyncGenerator[StreamEvent, None]


async def open_stream(ctx: Context, names: frozenset[str], where: EventFilter, after: str | None) -> Stream:
    """The events of these names that `where` matches, after the cursor `after`, or from now on if it is None.

    The first message is where the stream starts, so that a client has a cursor before the first event comes.

    BillingError INVALID_INPUT if `after` is not a cursor, CURSOR_EXPIRED if events after it have been deleted.
    """
    position = await _checked_position(ctx, after)
    return _counted(ctx, _replay_then_follow(ctx, Interest(names, ctx.scope, where), position))


async def _checked_position(ctx: Context, cursor: str | None) -> int | None:
    try:
        position = None if cursor is None else position_of(cursor)
    except ValueError:
        raise refuse(ErrorCode.INVALID_INPUT, "invalid stream cursor", "after") from None
    if position is None and ctx.hub.last_position is not None:
        return None
    async with ctx.database.reading() as connection:
        log = await outbox.log_range(connection)
    # Otherwise the hub would skip what is published before the first event that it happens to get.
    ctx.hub.begin_after(log.last)
    if position is None:
        return None
    if position > log.last:
        raise refuse(ErrorCode.INVALID_INPUT, "this cursor is after the end of the event log", "after")
    if position < log.first - 1:
        message = "events after this cursor have been deleted: read the list again, and subscribe without a cursor"
        raise refuse(ErrorCode.CURSOR_EXPIRED, message, "after")
    return position


async def _counted(ctx: Context, events: Stream) -> Stream:
    ctx.metrics.subscribers.inc()
    try:
        async with aclosing(events):
            async for event in events:
                yield event
    finally:
        ctx.metrics.subscribers.dec()


async def _replay_then_follow(ctx: Context, interest: Interest, after: int | None) -> Stream:
    """The start; then the log after `after`; then live events, each event once.

    The log is replayed twice. The long replay runs before the listener exists, whose queue of 256 events would
    overflow meanwhile. The short second one runs while it listens: it covers what was published in between, and live
    events that it has sent already are skipped by their position.
    """
    last = after
    if last is not None:
        yield StreamStart(last)
        async for event in _replayed(ctx, interest, last):
            last = event.position
            yield event
    with ctx.hub.listen(interest) as listener:
        if last is None:
            last = listener.position or 0
            yield StreamStart(last)
        else:
            async for event in _replayed(ctx, interest, last):
                last = event.position
                yield event
        async for event in listener:
            if event.position > last:
                yield event


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
