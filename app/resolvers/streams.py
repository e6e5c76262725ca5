"""Streams: events of the event log within the caller's data scope, from now on or from a cursor on."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import aclosing
from dataclasses import dataclass

from app.db import outbox
from app.domain.errors import ErrorCode, refuse
from app.events.cursors import position_of
from app.events.hub import StreamEvent, event_of_row
from app.resolvers.context import Context

REPLAY_BATCH = 200
Stream = AsyncGenerator[StreamEvent, None]


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """The requested events: those with one of the `names` that `matches` accepts.

    `is_visible` decides for a caller who is a patient whether an event is about that patient.
    """

    names: Collection[str]
    matches: Callable[[StreamEvent], bool]
    is_visible: Callable[[StreamEvent], Awaitable[bool]]


async def open_stream(ctx: Context, request: StreamRequest, after: str | None) -> Stream:
    """The events after the cursor `after`, or from now on if it is None.

    BillingError INVALID_INPUT if `after` is not a cursor, CURSOR_EXPIRED if events after it have been deleted.
    """
    position = None if after is None else await _checked_position(ctx, after)
    return _counted(ctx, _replay_then_follow(ctx, request, position))


async def _checked_position(ctx: Context, cursor: str) -> int:
    try:
        position = position_of(cursor)
    except ValueError:
        raise refuse(ErrorCode.INVALID_INPUT, "invalid stream cursor", "after") from None
    async with ctx.database.reading() as connection:
        log = await outbox.log_range(connection)
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


async def _replay_then_follow(ctx: Context, request: StreamRequest, after: int | None) -> Stream:
    """First the log after `after`, then live events, each event once.

    The log is replayed twice. The long replay runs before the listener exists, whose queue of 256 events would
    overflow meanwhile. The short second one runs while it listens: it covers what was published in between, and live
    events that it has sent already are skipped by their position.
    """
    last = after
    if last is not None:
        async for event in _replayed(ctx, request, last):
            last = event.position
            yield event
    with ctx.hub.listen() as listener:
        if last is not None:
            async for event in _replayed(ctx, request, last):
                last = event.position
                yield event
        async for event in listener:
            is_new = last is None or event.position > last
            if is_new and event.name in request.names and await _is_wanted(ctx, request, event):
                yield event


async def _replayed(ctx: Context, request: StreamRequest, after: int) -> Stream:
    while True:
        async with ctx.database.reading() as connection:
            rows = await outbox.named_after(connection, ctx.scope, after, request.names, REPLAY_BATCH)
        for row in rows:
            event = event_of_row(row)
            after = row.position or after
            if event is not None and await _is_wanted(ctx, request, event):
                yield event
        if len(rows) < REPLAY_BATCH:
            return


async def _is_wanted(ctx: Context, request: StreamRequest, event: StreamEvent) -> bool:
    """Whether the subscriber asked for the event and may see it.

    A published event names no patient, and the patient in the log may have been corrected since: so for a patient
    `is_visible` looks at the present rows.
    """
    if not request.matches(event):
        return False
    patient = ctx.scope.patient
    if not ctx.scope.contains(provider=event.provider, payer=event.payer, patient=patient):
        return False
    return patient is None or await request.is_visible(event)
