"""A subscriber who is slower than the events is ended with the place where it may go on, and loses nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.db import outbox as outbox_db
from app.db.clock import process_time as now
from app.events.listeners import QUEUE_MAX, StreamEvent
from tests.cursors import NO_EVENT
from tests.factories import World, new_world
from tests.faults.clients import WATCH, opened, watching
from tests.faults.stage import prepare
from tests.faults.waiting import all_published, until
from tests.gateway import Gateway, embedded_settings, running_gateway

FLOOD = QUEUE_MAX + 44


@pytest.fixture
async def flooded(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway of this test's own, whose hub is told events that are in no log."""
    settings = embedded_settings(tmp_path)
    await prepare(settings)
    async with running_gateway(settings, is_prepared=True) as gateway:
        yield gateway


async def _settled(world: World) -> str:
    """A settlement that the hub has told, and everything before it."""
    settled = await world.settle((await world.issued_invoice("100.00"))["id"], "1.00")
    await all_published(world.gateway.database)
    async with world.gateway.database.reading() as connection:
        last = (await outbox_db.log_range(connection)).last
    await until(lambda: world.gateway.parts.hub.last_position == last)
    identifier: str = settled["settlement"]["id"]
    return identifier


def _flood(world: World, settlement: str) -> int:
    """More events than a queue holds, before any subscriber can take one; the place behind which they stand."""
    hub = world.gateway.parts.hub
    before = hub.last_position or 0
    for position in range(before + 1, before + 1 + FLOOD):
        data = {"settlementId": settlement}
        event = StreamEvent(position, NO_EVENT, "SettlementConfirmed", "inv", world.provider, world.payer, now(), data)
        hub._deliver_to_all(event)
    return before


async def test_over_a_socket_it_gets_what_was_queued_and_then_an_error_with_its_cursor(flooded: Gateway) -> None:
    world = await new_world(flooded)
    settlement = await _settled(world)
    async with opened(flooded.url, world.token("finance")) as socket:
        start = await watching(socket, WATCH % "", None)
        before = _flood(world, settlement)
        async with asyncio.timeout(20):
            told = [json.loads(await socket.recv()) for _ in range(QUEUE_MAX + 1)]
    *events, end = told
    assert start == await flooded.stream_cursor(before)
    cursors = [event["payload"]["data"]["settlementRecorded"]["cursor"] for event in events]
    assert cursors == [await flooded.stream_cursor(before + number) for number in range(1, QUEUE_MAX + 1)]
    assert (end["type"], end["payload"][0]["extensions"]) == (
        "error",
        {"code": "LAGGED", "retryable": True, "cursor": cursors[-1]},
    )
    assert flooded.parts.metrics.lagged._value.get() == 1


async def test_over_an_event_stream_it_is_told_the_same(flooded: Gateway) -> None:
    world = await new_world(flooded)
    settlement = await _settled(world)
    headers = {"authorization": f"Bearer {world.token('finance')}", "accept": "text/event-stream"}
    body: dict[str, Any] = {"query": WATCH % ""}
    async with flooded.client.stream("POST", "/graphql", json=body, headers=headers) as stream:
        await until(lambda: flooded.parts.hub.subscribers == 1)
        before = _flood(world, settlement)
        async with asyncio.timeout(20):
            lines = [line async for line in stream.aiter_lines() if line.startswith(("data: ", "event: complete"))]
    start, *events, end, complete = lines
    assert json.loads(start.removeprefix("data: ")) == {
        "data": {"settlementRecorded": {"cursor": await flooded.stream_cursor(before), "settlement": None}}
    }
    assert (len(events), complete) == (QUEUE_MAX, "event: complete")
    assert json.loads(end.removeprefix("data: "))["errors"][0]["extensions"] == {
        "code": "LAGGED",
        "retryable": True,
        "cursor": await flooded.stream_cursor(before + QUEUE_MAX),
    }
