"""A list says where a stream has to start so that it misses nothing: list, then watch."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.factories import World, new_world
from tests.gateway import Gateway, embedded_settings, running_gateway
from tests.streams import listening, told_all

LISTS = {
    "claims": ("biller", "{ claims(first: 1) { streamCursor } }"),
    "settlements": ("finance", "{ settlements(first: 1) { totalCount streamCursor } }"),
    "invoices": ("finance", "{ invoices(first: 1) { streamCursor } }"),
    "the query": ("biller", "{ streamCursor }"),
}
WATCH = (
    "subscription Watch($after: String) { claimStatusChanged(after: $after) { cursor status occurredAt claim { id } } }"
)
CURSOR = "{ streamCursor }"


@pytest.mark.parametrize("name", LISTS)
async def test_a_stream_after_a_list_has_all_that_the_list_did_not_show(world: World, name: str) -> None:
    gateway, (role, query) = world.gateway, LISTS[name]
    shown = (await world.create_claim())["claim"]["id"]
    await told_all(gateway)
    data = await world.call(role, query)
    cursor = data[name]["streamCursor"] if name in data else data["streamCursor"]
    missed = (await world.create_claim())["claim"]["id"]
    await told_all(gateway)
    async with listening(gateway, world.token("biller"), WATCH, after=cursor) as listener:
        live = (await world.create_claim())["claim"]["id"]
        events = await listener.events(2)
        assert await listener.is_silent()
    first = {"cursor": cursor, "status": None, "occurredAt": None, "claim": None}
    assert listener.start.payload == {"data": {"claimStatusChanged": first}}
    assert [(event["claim"]["id"], event["status"]) for event in events] == [(missed, "DRAFT"), (live, "DRAFT")]
    assert shown not in {missed, live}


async def test_the_first_message_is_where_the_stream_starts(world: World) -> None:
    gateway = world.gateway
    await told_all(gateway)
    async with listening(gateway, world.token("biller"), WATCH) as listener:
        pass
    start = listener.start.payload["data"]["claimStatusChanged"]["cursor"]
    missed = (await world.create_claim())["claim"]["id"]
    async with listening(gateway, world.token("biller"), WATCH, after=start) as listener:
        assert [event["claim"]["id"] for event in await listener.events(1)] == [missed]


async def test_who_has_no_token_gets_no_cursor(gateway: Gateway) -> None:
    assert (await gateway.gql(CURSOR)).codes == ["UNAUTHENTICATED"]


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway of this test's own."""
    async with running_gateway(embedded_settings(tmp_path)) as gateway:
        yield gateway


@pytest.mark.parametrize("way", ["readiness", "subscription"])
async def test_a_place_that_is_not_known_is_null_until_the_database_was_read(own: Gateway, way: str) -> None:
    world = await new_world(own)
    await told_all(own)
    known = (await world.call("biller", CURSOR))["streamCursor"]
    own.parts.hub.last_place = None
    unknown = (await world.call("biller", CURSOR))["streamCursor"]
    if way == "readiness":
        assert (await own.client.get("/health/ready")).status_code == 200
    else:
        async with listening(own, world.token("biller"), WATCH) as listener:
            assert listener.start.payload["data"]["claimStatusChanged"]["cursor"] == known
    assert (unknown, (await world.call("biller", CURSOR))["streamCursor"]) == (None, known)
