"""The live streams: events of the log within the caller's scope, from now on or from behind a cursor."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import aclosing
from dataclasses import dataclass

from app.db import outbox as outbox_db
from app.domain.errors import ErrorCode, refuse
from app.events.cursors import position_of
from app.events.hub import StreamEvent, heard
from app.resolvers.context import Context

REPLAY_BATCH = 200
Stream = AsyncGenerator[StreamEvent, None]


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What a subscriber asked for: these event names, and of them those that `wanted` takes.

    `is_visible` says whether an event that names no patient is about the caller, where the caller is a patient.
    """

    names: Collection[str]
    wanted: Callable[[StreamEvent], bool]
    is_visible: Callable[[StreamEvent], Awaitable[bool]]


async def begin(ctx: Context, wish: StreamRequest, after: str | None) -> Stream:
    """The stream; refused before it begins if the cursor is none, or stands for events that are not kept any more."""
    position = None if after is None else await _checked(ctx, after)
    return _counted(ctx, _joined(ctx, wish, position))


async def _checked(ctx: Context, cursor: str) -> int:
    try:
        position = position_of(cursor)
    except ValueError:
        raise refuse(ErrorCode.INVALID_INPUT, "this is no cursor of a stream", "after") from None
    async with ctx.database.reading() as connection:
        kept = await outbox_db.log_range(connection)
    if position > kept.last:
        raise refuse(ErrorCode.INVALID_INPUT, "this cursor is ahead of the event log", "after")
    if position < kept.first - 1:
        message = "events behind this cursor are no longer kept: read the list anew, and subscribe without a cursor"
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


async def _joined(ctx: Context, wish: StreamRequest, after: int | None) -> Stream:
    """First what the log holds behind `after`, then the live events, none of them twice.

    The long part of the replay runs before the subscription opens, or its queue would overflow meanwhile; the short
    rest of it runs behind the open subscription, so that nothing falls between the two.
    """
    last = after
    if last is not None:
        async for event in _replayed(ctx, wish, last):
            last = event.position
            yield event
    with ctx.hub.subscribe() as subscription:
        if last is not None:
            async for event in _replayed(ctx, wish, last):
                last = event.position
                yield event
        async for event in subscription:
            is_new = last is None or event.position > last
            if is_new and event.name in wish.names and wish.wanted(event) and await _is_visible(ctx, wish, event):
                yield event


async def _replayed(ctx: Context, wish: StreamRequest, after: int) -> Stream:
    while True:
        async with ctx.database.reading() as connection:
            rows = await outbox_db.named_after(connection, ctx.scope, after, wish.names, REPLAY_BATCH)
        for row in rows:
            event = heard(row)
            after = row.position or after
            if event is not None and wish.wanted(event) and await _is_visible(ctx, wish, event):
                yield event
        if len(rows) < REPLAY_BATCH:
            return


async def _is_visible(ctx: Context, wish: StreamRequest, event: StreamEvent) -> bool:
    """The caller's scope; a published event names no patient, and the log may name one who was corrected since, so
    a patient's own are told by the rows themselves."""
    patient = ctx.scope.patient
    if not ctx.scope.contains(provider=event.provider, payer=event.payer, patient=patient):
        return False
    return patient is None or await wish.is_visible(event)
