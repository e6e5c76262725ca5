"""The hub: every event once and in position order, whatever order the broker delivers in."""

import asyncio

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import outbox as outbox_db
from app.db.engine import fetch
from app.db.outbox import OUTBOX, OutboxRecord
from app.db.tables import outbox
from app.events.hub import QUEUE_MAX, Heard, Hub, Lagged, Subscription, heard
from tests.factories import World
from tests.gateway import Gateway


async def _log_of(world: World, count: int) -> list[OutboxRecord]:
    """Events of this world that stand next to each other in the log, with their positions."""
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


def _hub(gateway: Gateway, last_position: int) -> Hub:
    async def missing(after: int, before: int) -> list[OutboxRecord]:
        async with gateway.database.reading() as connection:
            return await outbox_db.numbered_between(connection, after, before)

    found = Hub(missing)
    found.last_position = last_position
    return found


async def _queued(subscription: Subscription) -> list[int]:
    subscription.close()
    return [event.position async for event in subscription]


async def test_an_event_that_comes_first_waits_for_those_before_it(world: World) -> None:
    rows = await _log_of(world, 2)
    events = [heard(row) for row in rows]
    hub = _hub(world.gateway, events[0].position - 1)
    with hub.subscribe() as subscription:
        await hub.deliver(events[-1])
        for event in events:
            await hub.deliver(event)
        positions = await _queued(subscription)
    assert positions == list(range(events[0].position, events[-1].position + 1))


async def test_a_gap_is_filled_with_rows_that_the_relay_has_not_marked_yet(world: World) -> None:
    rows = await _log_of(world, 2)
    events = [heard(row) for row in rows]
    hub = _hub(world.gateway, events[0].position - 1)

    async def unmark(connection: AsyncConnection) -> None:
        await connection.execute(update(outbox).where(outbox.c.id == rows[1].id).values(published_at=None))

    await world.gateway.database.transact(unmark)
    with hub.subscribe() as subscription:
        await hub.deliver(events[2])
        positions = await _queued(subscription)
    assert positions == [event.position for event in events[:3]]


async def test_catching_up_hands_out_what_was_missed_once(world: World) -> None:
    rows = await _log_of(world, 1)
    first = heard(rows[0])
    hub = _hub(world.gateway, first.position)
    with hub.subscribe() as subscription:
        await hub.catch_up()
        await hub.catch_up()
        positions = await _queued(subscription)
    assert positions[0] == first.position + 1
    assert positions == sorted(set(positions))


async def test_a_subscriber_that_falls_behind_is_ended_and_the_others_go_on(gateway: Gateway) -> None:
    hub = _hub(gateway, 0)
    with hub.subscribe() as slow, hub.subscribe() as quick:
        seen = []
        for position in range(1, QUEUE_MAX + 2):
            await hub.deliver(Heard(position, "SettlementConfirmed", "inv", None, None, {}))
            seen.append((await anext(aiter(quick))).position)
        assert seen == list(range(1, QUEUE_MAX + 2))
        with pytest.raises(Lagged):
            _ = [event async for event in slow]
