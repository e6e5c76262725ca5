"""The hub: every event once and in position order, whatever order the broker delivers in."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import outbox as outbox_db
from app.db.engine import fetch
from app.db.outbox import OUTBOX, OutboxRecord
from app.db.tables import outbox
from app.domain.data_scope import EVERYTHING, DataScope
from app.events.hub import event_of_row
from app.events.listeners import (
    PROVIDERS_INDEXED_MAX,
    QUEUE_MAX,
    StreamEnded,
    StreamEvent,
    StreamLagged,
    StreamListener,
)
from tests.events.hubs import Only, event_at, hub_of, interest_in, interest_of
from tests.factories import World
from tests.gateway import Gateway


async def _log_of(world: World, count: int) -> list[OutboxRecord]:
    """Consecutive events of this world in the log, with their positions."""
    invoice = await world.issued_invoice("100.00")
    for _ in range(count):
        await world.settle(invoice["id"], "1.00")
    async with asyncio.timeout(20):
        while True:
            async with world.gateway.database.reading() as connection:
                query = select(*OUTBOX).where(outbox.c.aggregate_id == invoice["id"], outbox.c.position.is_not(None))
                rows = await fetch(connection, query.order_by(outbox.c.position), OutboxRecord)
            if len(rows) == count + 3:
                return rows
            await asyncio.sleep(0.05)


def _events(rows: list[OutboxRecord]) -> list[StreamEvent]:
    return [event for row in rows if (event := event_of_row(row)) is not None]


async def _taken(listener: StreamListener) -> AsyncIterator[int]:
    """The positions that the listener gives until its end."""
    with contextlib.suppress(StreamEnded):
        async for event in listener:
            yield event.position


async def _queued(listener: StreamListener) -> list[int]:
    """The positions queued in the listener when it is closed."""
    listener.close()
    return [position async for position in _taken(listener)]


async def test_an_event_that_comes_first_waits_for_those_before_it(world: World) -> None:
    rows = await _log_of(world, 2)
    events = _events(rows)
    hub = hub_of(world.gateway, events[0].position - 1)
    with hub.listen(interest_in()) as listener:
        await hub.deliver(events[-1])
        for event in events:
            await hub.deliver(event)
        positions = await _queued(listener)
    assert positions == list(range(events[0].position, events[-1].position + 1))


async def test_a_gap_is_filled_with_rows_that_the_relay_has_not_marked_yet(world: World) -> None:
    rows = await _log_of(world, 2)
    events = _events(rows)
    hub = hub_of(world.gateway, events[0].position - 1)

    async def unmark(connection: AsyncConnection) -> None:
        await connection.execute(update(outbox).where(outbox.c.id == rows[1].id).values(published_at=None))

    await world.gateway.database.transact(unmark)
    with hub.listen(interest_in()) as listener:
        await hub.deliver(events[2])
        positions = await _queued(listener)
    assert positions == [event.position for event in events[:3]]


async def test_catching_up_hands_out_what_was_missed_once(world: World) -> None:
    rows = await _log_of(world, 1)
    first = _events(rows)[0]
    hub = hub_of(world.gateway, first.position)
    with hub.listen(interest_in()) as listener:
        await hub.catch_up()
        await hub.catch_up()
        positions = await _queued(listener)
    assert positions[0] == first.position + 1
    assert positions == sorted(set(positions))


async def test_a_subscriber_that_falls_behind_is_ended_with_its_cursor_and_the_others_go_on(gateway: Gateway) -> None:
    hub = hub_of(gateway, 0)
    with hub.listen(interest_in()) as slow, hub.listen(interest_in()) as quick:
        seen = []
        for position in range(1, QUEUE_MAX + 2):
            await hub.deliver(event_at(position))
            seen.append((await anext(aiter(quick))).position)
        assert seen == list(range(1, QUEUE_MAX + 2))
        taken = []
        async for position in _taken(slow):
            taken.append(position)
            # What comes after the overflow must not be queued after the hole.
            await hub.deliver(event_at(QUEUE_MAX + 1 + len(taken)))
        with pytest.raises(StreamLagged) as lagged:
            await anext(aiter(slow))
    assert taken == list(range(1, QUEUE_MAX + 1))
    assert lagged.value.extensions == {"code": "LAGGED", "retryable": True}
    assert lagged.value.place == event_at(QUEUE_MAX).place


async def test_a_full_queue_is_told_of_the_end_too(gateway: Gateway) -> None:
    hub = hub_of(gateway, 0)
    with hub.listen(interest_in()) as listener:
        for position in range(1, QUEUE_MAX + 1):
            await hub.deliver(event_at(position))
        assert await _queued(listener) == list(range(1, QUEUE_MAX + 1))


async def test_an_event_that_the_log_does_not_lead_up_to_is_not_believed(gateway: Gateway) -> None:
    async with gateway.database.reading() as connection:
        last = (await outbox_db.log_range(connection)).last
    hub = hub_of(gateway, last)
    with hub.listen(interest_in()) as listener:
        await hub.deliver(event_at(last + 1_000_000))
        assert hub.last_position == last
        assert await _queued(listener) == []


async def test_events_of_no_interest_take_no_room_in_a_queue_and_wake_nobody(gateway: Gateway) -> None:
    hub = hub_of(gateway, 0)
    with hub.listen(interest_in("wanted")) as listener:
        for position in range(1, 2 * QUEUE_MAX):
            await hub.deliver(event_at(position))
        await hub.deliver(event_at(2 * QUEUE_MAX, "wanted"))
        assert await _queued(listener) == [2 * QUEUE_MAX]


async def test_an_event_is_compared_with_the_interests_in_its_provider_alone(gateway: Gateway) -> None:
    hub = hub_of(gateway, 0)
    # Too many providers to be found by each of them: compared with every event.
    many = DataScope(frozenset(map(str, range(2, 3 + PROVIDERS_INDEXED_MAX))))
    scopes = [
        DataScope(frozenset({"1"})),
        DataScope(frozenset({"2"})),
        DataScope(frozenset({"1", "2"})),
        EVERYTHING,
        many,
    ]
    asked = [Only() for _ in scopes]
    with contextlib.ExitStack() as stack:
        interests = [interest_of(where, scope=scope) for where, scope in zip(asked, scopes, strict=True)]
        listeners = [stack.enter_context(hub.listen(interest)) for interest in interests]
        for position, provider in enumerate(["1", "2", "3", None], start=1):
            await hub.deliver(replace(event_at(position), provider=provider))
        assert hub.subscribers == len(scopes)
        assert [await _queued(listener) for listener in listeners] == [[1], [2], [1, 2], [1, 2, 3, 4], [2, 3]]
    # The data scope is asked before the filter, so that this is what each of them was found by.
    assert [where.asked for where in asked] == [[1], [2], [1, 2], [1, 2, 3, 4], [2, 3]]
    assert hub.subscribers == 0


async def test_equal_interests_are_compared_once_per_event(gateway: Gateway) -> None:
    hub = hub_of(gateway, 0)
    wanted, other = Only("wanted"), Only("other")
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(hub.listen(interest_of(wanted))) for _ in range(20)]
        stack.enter_context(hub.listen(interest_of(other)))
        await hub.deliver(event_at(1, "wanted"))
        assert (hub.subscribers, wanted.asked, other.asked) == (21, [1], [1])
        assert [await _queued(listener) for listener in listeners] == [[1]] * 20
    assert hub.subscribers == 0
    await hub.deliver(event_at(2, "wanted"))
    assert wanted.asked == [1]


async def test_a_client_is_woken_once_when_what_it_needs_of_the_event_is_there(gateway: Gateway) -> None:
    hub = hub_of(gateway, 10)
    prepared: list[tuple[int, Callable[[], None]]] = []

    def prepare(event: StreamEvent, wake: Callable[[], None]) -> bool:
        prepared.append((event.position, wake))
        return True

    with hub.listen(interest_in()) as listener:
        listener.prepare = prepare
        waiting = asyncio.create_task(anext(listener))
        await asyncio.sleep(0)
        await hub.deliver(event_at(11))
        await hub.deliver(event_at(12))
        await asyncio.sleep(0)
        # The second is prepared by whoever comes to it.
        assert [position for position, _ in prepared] == [11]
        assert not waiting.done()
        prepared[0][1]()
        assert (await waiting).position == 11
        assert await _queued(listener) == [12]


async def test_a_client_whose_stream_ends_does_not_wait_for_what_is_prepared(gateway: Gateway) -> None:
    hub = hub_of(gateway, 10)
    with hub.listen(interest_in()) as listener:
        listener.prepare = lambda _event, _wake: True
        waiting = asyncio.create_task(anext(listener))
        await asyncio.sleep(0)
        await hub.deliver(event_at(11))
        hub.close()
        async with asyncio.timeout(5):
            assert (await waiting).position == 11
        with pytest.raises(StreamEnded):
            await anext(listener)
