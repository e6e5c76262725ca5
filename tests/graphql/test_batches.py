"""Several operations in one request, where a setting allows it: in order, and each for itself."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.asyncio.client import ClientConnection

from tests.factories import World, new_world
from tests.faults.clients import opened
from tests.faults.proxy import Proxy
from tests.gateway import Gateway, embedded_settings, running_gateway
from tests.inputs import shaped
from tests.services import Services

CREATE = "mutation($input: CreateClaimInput!) { createClaim(input: $input) { claim { id } replayed } }"
COUNT = "{ claims { totalCount } }"
ME = "{ me { subject } }"
BATCH_MAX = 10
RATE_BURST = 40


@pytest.fixture(scope="module")
async def redis(services: Services) -> AsyncIterator[Proxy]:
    """The way to Redis."""
    async with Proxy(urlsplit(services.redis.url).port or 6379) as proxy:
        yield proxy


@pytest.fixture(scope="module")
async def batching(tmp_path_factory: pytest.TempPathFactory, redis: Proxy) -> AsyncIterator[Gateway]:
    """A gateway that takes batches of ten, and 40 requests of a caller in a row."""
    settings = embedded_settings(
        tmp_path_factory.mktemp("batching"),
        batch_max=BATCH_MAX,
        rate_per_second=0.001,
        rate_burst=RATE_BURST,
        redis_url=f"redis://127.0.0.1:{redis.port}/0",
    )
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
    create = {"query": CREATE, "variables": {"input": shaped("createClaim", world.claim_input())}}
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


@pytest.mark.parametrize("size", [0, BATCH_MAX + 1])
async def test_a_batch_has_a_size(batching: Gateway, size: int) -> None:
    world = await new_world(batching)
    answer = await _send(batching, _token(world, "size"), *[{"query": COUNT}] * size)
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["message"]) == (400, "send 1 to 10 operations in a batch")


async def test_nobody_batches_unless_a_setting_allows_it(server_world: World) -> None:
    answer = await _send(server_world.gateway, server_world.token("biller"), {"query": COUNT})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (400, "BAD_REQUEST")
    assert error["message"] == "batches are not supported, send one operation per request"


async def test_each_refused_operation_of_a_batch_counts_against_the_rate(batching: Gateway) -> None:
    token = batching.token("biller", sub="dev-refused")
    refused = [*[{"query": "{ unknown }"}] * 4, *[{"query": "{"}] * 3, *[7] * 3]
    for _ in range(RATE_BURST // BATCH_MAX - 1):
        answer = await batching.client.post("/graphql", json=refused, headers={"authorization": f"Bearer {token}"})
        codes = ["GRAPHQL_VALIDATION_FAILED"] * 4 + ["GRAPHQL_PARSE_FAILED"] * 3 + ["BAD_REQUEST"] * 3
        assert _codes(answer.json()) == codes
    found = (await _send(batching, token, *[{"query": ME}] * BATCH_MAX)).json()
    assert _codes(found) == [None] * BATCH_MAX
    assert (await batching.gql(ME, token=token)).codes == ["RATE_LIMITED"]


@pytest.mark.parametrize("body", ["{", "7", "{}", "[]", f"[{', '.join(['7'] * 11)}]"])
async def test_what_is_no_request_counts_against_the_rate(batching: Gateway, body: str) -> None:
    token = batching.token("biller", sub=f"dev-{body[:3]}")
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    answers = [await batching.client.post("/graphql", content=body, headers=headers) for _ in range(RATE_BURST + 1)]
    assert Counter(answer.status_code for answer in answers) == {400: RATE_BURST, 429: 1}


def _codes(answers: list[Any]) -> list[str | None]:
    return [each["errors"][0]["extensions"]["code"] if "errors" in each else None for each in answers]


class Doors:
    """One caller's ways to the gateway; each gives the codes of so many equal operations."""

    def __init__(self, gateway: Gateway, token: str, socket: ClientConnection) -> None:
        self._gateway, self._token, self._socket = gateway, token, socket

    async def http(self, query: str, times: int) -> list[str | None]:
        """One request each."""
        answers = [await self._gateway.gql(query, token=self._token) for _ in range(times)]
        return _codes([answer.body for answer in answers])

    async def socket(self, query: str, times: int) -> list[str | None]:
        """One after the other over a WebSocket."""
        found: list[str | None] = []
        for number in range(times):
            await self._socket.send(json.dumps({"id": f"{number}", "type": "subscribe", "payload": {"query": query}}))
            message = json.loads(await self._socket.recv())
            if message["type"] == "next":
                assert json.loads(await self._socket.recv())["type"] == "complete"
                found += _codes([message["payload"]])
            else:
                found += _codes([{"errors": message["payload"]}])
        return found

    async def batch(self, query: str, times: int) -> list[str | None]:
        """Several in a request."""
        found: list[str | None] = []
        for start in range(0, times, BATCH_MAX):
            entries = [{"query": query}] * min(BATCH_MAX, times - start)
            found += _codes((await _send(self._gateway, self._token, *entries)).json())
        return found


async def _check_one_budget(doors: Doors, order: tuple[str, str, str]) -> None:
    """40 tokens in all: 20 through the first door, 4 through the second, and what is left through the third."""
    first, second, third = [getattr(doors, name) for name in order]
    assert await first("{ reconciliation { billedAmount } }", 2) == [None] * 2
    assert await second('{ tussTerms(search: "hemograma") { totalCount } }', 2) == [None] * 2
    assert Counter(await third(ME, 20)) == {None: 16, "RATE_LIMITED": 4}
    for door in (first, second, third):
        assert await door(ME, 1) == ["RATE_LIMITED"]


@pytest.mark.parametrize(
    "order", [("http", "socket", "batch"), ("socket", "batch", "http"), ("batch", "http", "socket")]
)
async def test_http_sockets_and_batches_of_a_caller_take_from_one_budget_with_redis_and_without(
    batching: Gateway, redis: Proxy, order: tuple[str, str, str]
) -> None:
    token = batching.token("finance", sub=f"dev-{'-'.join(order)}", providers=["*"])
    async with opened(batching.url, token) as socket:
        doors = Doors(batching, token, socket)
        await _check_one_budget(doors, order)
        redis.refuse()
        # The process now counts by itself, and does not know what Redis knew: the caller has one more budget.
        await _check_one_budget(doors, order)
    redis.accept()
    await _redis_is_asked_again(batching)


async def _redis_is_asked_again(gateway: Gateway) -> None:
    """A gateway leaves a Redis that has failed alone for some seconds; the next test does not wait for that."""
    gateway.parts.cache._open_until = 0.0
    assert await gateway.parts.cache.get("anything") is None
    assert not gateway.parts.cache._is_down
