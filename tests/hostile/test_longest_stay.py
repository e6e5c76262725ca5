"""The largest call of every root field, and its largest event, hold the event loop for a moment at most."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator

import orjson
import pytest

from tests.figures import Figures, assert_within
from tests.gateway import running_gateway, server_settings
from tests.hostile.largest_calls import HEAVIEST, LARGEST, LONGEST_MILLISECONDS
from tests.hostile.largest_data import Big, Call, made
from tests.hostile.largest_events import EVENTS, HEAVIEST_EVENTS
from tests.length import IS_FULL
from tests.loop_time import measured
from tests.services import Services
from tests.streams import TRANSPORTS, listening, told_all


@pytest.fixture(scope="module")
async def big(services: Services, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Big]:
    # How long a call takes in all depends on what else the machine does; that is not what these tests measure.
    patient = {"operation_deadline_seconds": 60.0, "database_timeout_seconds": 60.0}
    settings = await server_settings(tmp_path_factory.mktemp("big"), services, **patient)
    async with running_gateway(settings) as gateway:
        yield await made(gateway, is_full=IS_FULL)


@pytest.mark.parametrize("name", LARGEST if IS_FULL else HEAVIEST)
async def test_the_largest_call_leaves_the_loop_to_others(big: Big, name: str, figures: Figures) -> None:
    call = await LARGEST[name](big)
    token = (call.world or big.world).token(call.role)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    await big.gateway.gql(call.query, token=token)
    body = orjson.dumps({"query": call.query, "variables": call.variables})
    with measured() as found:
        answer = await big.gateway.client.post("/graphql", content=body, headers=headers)
    assert answer.text.count(call.text) == call.times, answer.text[:600]
    figures(longest_milliseconds=found.longest_milliseconds, bytes=len(answer.content))
    assert_within(LONGEST_MILLISECONDS, found=found.longest_milliseconds)


@pytest.mark.parametrize("over", TRANSPORTS)
@pytest.mark.parametrize("name", EVENTS if IS_FULL else HEAVIEST_EVENTS)
async def test_the_largest_event_leaves_the_loop_to_others(big: Big, name: str, over: str, figures: Figures) -> None:
    change, watch = await EVENTS[name](big)
    gateway, token = big.gateway, big.world.token(watch.role)
    await told_all(gateway)
    cursor = (await gateway.gql("{ streamCursor }", token=token)).data["streamCursor"]
    changed = await gateway.gql(change.query, change.variables, token=big.world.token(change.role))
    assert "errors" not in changed.body
    await told_all(gateway)
    variables = {**(watch.variables or {}), "after": cursor}
    with measured() as found:
        async with listening(gateway, token, watch.query, over=over, **variables) as listener:
            told = orjson.dumps(await listener.payload()).decode()
    assert told.count(watch.text) == watch.times, told[:600]
    figures(longest_milliseconds=found.longest_milliseconds, bytes=len(told))
    assert_within(LONGEST_MILLISECONDS, found=found.longest_milliseconds)


BESIDE = ("Query.claims", "Mutation.postRemittance", "Mutation.exportBatch")
PAUSE_SECONDS = 0.005
WAIT_MILLISECONDS = 50
ROUND_MILLISECONDS = 35


async def _send(big: Big, calls: list[Call]) -> None:
    for call in calls:
        token = (call.world or big.world).token(call.role)
        answer = await big.gateway.gql(call.query, call.variables, token=token)
        assert "errors" not in answer.body


async def _waits(big: Big, others: asyncio.Task[None]) -> list[float]:
    """How many milliseconds of processor time the process took while each of a steady caller's requests waited. What
    the machine gives to others meanwhile is not the gateway's doing."""
    waits = []
    token = big.world.token("reviewer")
    while not others.done():
        began = time.process_time()
        answer = await big.gateway.gql("{ __typename }", token=token)
        waits.append(1_000 * (time.process_time() - began))
        assert answer.data == {"__typename": "Query"}
        await asyncio.sleep(PAUSE_SECONDS)
    return waits


async def test_a_steady_caller_waits_a_moment_beside_the_largest_calls(big: Big, figures: Figures) -> None:
    calls = [await LARGEST[name](big) for name in BESIDE]
    with measured() as found:
        async with asyncio.TaskGroup() as group:
            waits = await _waits(big, group.create_task(_send(big, calls)))
    hundredths = statistics.quantiles(waits, n=100)
    figures(
        requests=len(waits),
        median_milliseconds=hundredths[49],
        p99_milliseconds=hundredths[98],
        longest_milliseconds=max(waits),
        longest_round_milliseconds=found.longest_round_milliseconds,
    )
    assert_within(ROUND_MILLISECONDS, longest_round=found.longest_round_milliseconds)
    assert_within(WAIT_MILLISECONDS, p99=hundredths[98])
