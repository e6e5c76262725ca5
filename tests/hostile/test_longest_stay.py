"""The largest call of every root field, and its largest event, hold the event loop for a moment at most."""

from collections.abc import AsyncIterator

import orjson
import pytest

from tests.figures import Figures
from tests.gateway import running_gateway, server_settings
from tests.hostile.largest_calls import HEAVIEST, LARGEST, LONGEST_MILLISECONDS
from tests.hostile.largest_data import Big, made
from tests.hostile.largest_events import EVENTS, HEAVIEST_EVENTS
from tests.hostile.length import IS_FULL
from tests.loop_time import measured
from tests.services import Services
from tests.streams import TRANSPORTS, listening, told_all


@pytest.fixture(scope="module")
async def big(services: Services, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Big]:
    settings = await server_settings(tmp_path_factory.mktemp("big"), services)
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
    assert found.longest_milliseconds < LONGEST_MILLISECONDS


@pytest.mark.parametrize("over", TRANSPORTS)
@pytest.mark.parametrize("name", EVENTS if IS_FULL else HEAVIEST_EVENTS)
async def test_the_largest_event_leaves_the_loop_to_others(big: Big, name: str, over: str, figures: Figures) -> None:
    change, watch = await EVENTS[name](big)
    gateway, token = big.gateway, big.world.token(watch.role)
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
    assert found.longest_milliseconds < LONGEST_MILLISECONDS
