"""Several operations in one request, where a setting allows it: in order, and each for itself."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.factories import World, new_world
from tests.gateway import Gateway, embedded_settings, running_gateway

CREATE = "mutation($input: CreateClaimInput!) { createClaim(input: $input) { claim { id } replayed } }"
COUNT = "{ claims { totalCount } }"
RATE_BURST = 40


@pytest.fixture(scope="module")
async def batching(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway that takes batches of four, and 40 requests of a caller in a row."""
    directory = tmp_path_factory.mktemp("batching")
    settings = embedded_settings(directory, batch_max=4, rate_per_second=0.001, rate_burst=RATE_BURST)
    async with running_gateway(settings) as found:
        yield found


async def _send(gateway: Gateway, token: str, *operations: dict[str, Any]) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"}
    return await gateway.client.post("/graphql", json=list(operations), headers=headers)


def _token(world: World, name: str) -> str:
    """A biller of their own, with a rate of their own."""
    return world.gateway.token("biller", providers=[world.provider], sub=f"dev-{name}")


async def test_operations_run_in_order_and_each_sees_what_the_ones_before_have_changed(batching: Gateway) -> None:
    world = await new_world(batching)
    create = {"query": CREATE, "variables": {"input": world.claim_input()}}
    answer = await _send(batching, _token(world, "order"), {"query": COUNT}, create, create, {"query": COUNT})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json; charset=utf-8")
    before, first, again, after = [each["data"] for each in answer.json()]
    assert (before, after) == ({"claims": {"totalCount": 0}}, {"claims": {"totalCount": 1}})
    assert (first["createClaim"]["replayed"], again["createClaim"]["replayed"]) == (False, True)
    assert first["createClaim"]["claim"] == again["createClaim"]["claim"]


async def test_what_one_is_refused_takes_nothing_from_the_others(batching: Gateway) -> None:
    world = await new_world(batching)
    stream = {"query": "subscription { settlementRecorded { cursor } }"}
    operations: list[Any] = [{"query": COUNT}, {"query": "{ unknown }"}, 7, stream]
    found = (await _send(batching, _token(world, "each"), *operations)).json()
    codes = [each["errors"][0]["extensions"]["code"] if "errors" in each else None for each in found]
    assert codes == [None, "GRAPHQL_VALIDATION_FAILED", "BAD_REQUEST", "OPERATION_NOT_SUPPORTED"]


async def test_each_operation_counts_against_the_rate(batching: Gateway) -> None:
    world = await new_world(batching)
    token = _token(world, "rate")
    typename = {"query": "{ __typename }"}
    for _ in range(RATE_BURST // 4 - 1):
        assert "errors" not in (await _send(batching, token, *[typename] * 4)).text
    assert "errors" not in (await _send(batching, token, *[typename] * 2)).text
    found = (await _send(batching, token, *[typename] * 4)).json()
    codes = [each["errors"][0]["extensions"]["code"] if "errors" in each else None for each in found]
    assert codes == [None, None, "RATE_LIMITED", "RATE_LIMITED"]


@pytest.mark.parametrize("size", [0, 5])
async def test_a_batch_has_a_size(batching: Gateway, size: int) -> None:
    world = await new_world(batching)
    answer = await _send(batching, _token(world, "size"), *[{"query": COUNT}] * size)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["message"]) == (400, "send 1 to 4 operations in a batch")


async def test_nobody_batches_unless_a_setting_allows_it(server_world: World) -> None:
    answer = await _send(server_world.gateway, server_world.token("biller"), {"query": COUNT})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (400, "BAD_REQUEST")
    assert error["message"] == "batches are not supported, send one operation per request"
