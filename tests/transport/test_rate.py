"""How much one caller may ask for: requests of late, and streams at a time."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.redis.cache import Cache
from app.redis.cache import connect as connect_cache
from app.redis.rate_limit import RateLimit, RateLimited
from tests.faults.waiting import until
from tests.figures import assert_within
from tests.gateway import Answer, Gateway, embedded_settings, running_gateway
from tests.services import Services

_callers = itertools.count()
ME = "{ me { subject } }"
WATCH = {"query": "subscription { settlementRecorded { cursor } }"}


@pytest.fixture(scope="module")
async def slow(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway that gives each caller little, and no more while a test runs."""
    settings = embedded_settings(
        tmp_path_factory.mktemp("slow"), rate_per_second=0.001, rate_burst=5, streams_per_subject=2
    )
    async with running_gateway(settings) as gateway:
        yield gateway


def _token(gateway: Gateway, subject: str, role: str = "finance") -> str:
    """A token of a caller who has asked for nothing yet."""
    return gateway.token(role, sub=f"{subject}-{next(_callers)}", providers=["*"])


async def _until_refused(gateway: Gateway, token: str) -> Answer:
    """The first answer that refuses; on a busy machine the bucket gains a token meanwhile."""
    for _ in range(50):
        answer = await gateway.gql(ME, token=token)
        if answer.status != 200:
            return answer
    raise AssertionError("nothing was refused")


async def test_who_asks_too_much_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with running_gateway(embedded_settings(tmp_path, rate_per_second=0.5, rate_burst=5)) as gateway:
        token = _token(gateway, "one")
        assert [(await gateway.gql(ME, token=token)).status for _ in range(5)] == [200] * 5
        refused = await _until_refused(gateway, token)
        assert (refused.status, refused.codes) == (429, ["RATE_LIMITED"])
        seconds = int(refused.headers["retry-after"])
        assert seconds in (1, 2)
        extensions = {"code": "RATE_LIMITED", "retryable": True, "retryAfterSeconds": seconds}
        assert refused.body["errors"][0]["extensions"] == extensions
        rest = await gateway.client.get("/invoices/", headers={"authorization": f"Bearer {token}"})
        assert (rest.status_code, rest.json()["code"], rest.headers["retry-after"]) == (429, "RATE_LIMITED", "2")
        assert (await gateway.gql(ME, token=_token(gateway, "two"))).status == 200
        await asyncio.sleep(seconds + 0.1)
        assert (await gateway.gql(ME, token=token)).status == 200
        assert (await _until_refused(gateway, token)).status == 429


async def test_an_expensive_operation_takes_more(slow: Gateway) -> None:
    token = _token(slow, "rich", "biller")
    large = "{ claims(first: 100) { nodes { id items { code codeSystem quantity factor sequence } replaces { id } } } }"
    answer = await slow.gql(large, token=token)
    assert answer.body["extensions"]["cost"] == {"requested": 100402, "max": 5000000, "depth": 4}
    assert [(await slow.gql(ME, token=token)).status for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize(
    ("subject", "query", "left"),
    [
        ("fields", "{ a: me { subject } b: me { subject } c: me { subject } }", 2),
        ("fragments", "{ ...A ...A } fragment A on Query { a: me { subject } ... { b: me { subject } } }", 1),
        ("names", "{ __typename me { subject } }", 4),
        ("search", '{ tussTerms(search: "a") { totalCount } }', 3),
        ("sums", "{ reconciliation { billedAmount } }", 0),
    ],
)
async def test_each_root_field_takes_what_its_cost_says(slow: Gateway, subject: str, query: str, left: int) -> None:
    token = _token(slow, subject)
    assert (await slow.gql(query, token=token)).status == 200
    assert [(await slow.gql(ME, token=token)).status for _ in range(left + 1)] == [200] * left + [429]


async def test_too_many_fields_for_what_is_left_are_refused_as_a_whole(slow: Gateway) -> None:
    token = _token(slow, "whole")
    assert [(await slow.gql(ME, token=token)).status for _ in range(3)] == [200] * 3
    answer = await slow.gql("{ a: me { subject } b: me { subject } c: me { subject } }", token=token)
    assert (answer.status, answer.codes, "data" in answer.body) == (429, ["RATE_LIMITED"], False)


async def _socket(gateway: Gateway, token: str) -> ClientConnection:
    socket = await connect(
        gateway.url.replace("http://", "ws://") + "/graphql", subprotocols=[Subprotocol("graphql-transport-ws")]
    )
    await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
    return socket


async def _acknowledged(gateway: Gateway, token: str) -> ClientConnection:
    socket = await _socket(gateway, token)
    assert json.loads(await socket.recv())["type"] == "connection_ack"
    return socket


async def test_an_operation_over_a_socket_is_refused_and_the_socket_stays(slow: Gateway) -> None:
    socket = await _acknowledged(slow, _token(slow, "three"))
    found: list[tuple[str, Any]] = []
    for number in range(7):
        await socket.send(json.dumps({"id": str(number), "type": "subscribe", "payload": {"query": ME}}))
        message = json.loads(await socket.recv())
        found.append((message["type"], message["id"]))
        if message["type"] == "next":
            assert json.loads(await socket.recv())["type"] == "complete"
    assert found == [*[("next", str(number)) for number in range(5)], ("error", "5"), ("error", "6")]
    await socket.close()


async def test_operations_beyond_those_that_may_run_at_a_time_count_too(tmp_path: Path) -> None:
    settings = embedded_settings(tmp_path, rate_per_second=0.01, rate_burst=13, streams_per_subject=20)
    async with running_gateway(settings) as gateway:
        socket = await _acknowledged(gateway, _token(gateway, "eager"))
        for number in range(10):
            await _watch(socket, str(number))
            assert json.loads(await socket.recv())["type"] == "next"
        refused = []
        for _ in range(5):
            await _watch(socket, "more")
            refused.append(json.loads(await socket.recv()))
        await socket.close()
    at_a_time = {"message": "at most 10 operations at a time", "extensions": {"code": "RATE_LIMITED"}}
    assert [message["payload"] for message in refused[:3]] == [[at_a_time]] * 3
    (error,) = refused[3]["payload"]
    assert (error["extensions"]["code"], error["extensions"]["retryable"]) == ("RATE_LIMITED", True)
    assert refused[4]["type"] == "error"


async def test_a_caller_has_so_many_sockets_and_others_have_theirs(slow: Gateway) -> None:
    token = _token(slow, "four")
    first, second = await _acknowledged(slow, token), await _acknowledged(slow, token)
    with pytest.raises(ConnectionClosed) as closed:
        await (await _socket(slow, token)).recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4429, "at most 2 sockets at a time")
    theirs = await _acknowledged(slow, _token(slow, "five"))
    await first.close()
    await asyncio.sleep(0.1)
    again = await _acknowledged(slow, token)
    for socket in (second, theirs, again):
        await socket.close()


async def _watch(socket: ClientConnection, id: str) -> None:
    await socket.send(json.dumps({"id": id, "type": "subscribe", "payload": WATCH}))


async def test_subscriptions_count_over_all_sockets_and_event_streams_of_a_caller(slow: Gateway) -> None:
    token = _token(slow, "seven")
    first, second = await _acknowledged(slow, token), await _acknowledged(slow, token)
    await _watch(first, "1")
    await _watch(first, "2")
    await until(lambda: slow.parts.hub.subscribers == 2)
    await _watch(second, "3")
    refused = json.loads(await second.recv())
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {token}"}
    stream = await slow.client.post("/graphql", json=WATCH, headers=headers)
    await first.send(json.dumps({"id": "1", "type": "complete"}))
    await until(lambda: slow.parts.hub.subscribers == 1)
    await _watch(second, "3")
    await until(lambda: slow.parts.hub.subscribers == 2)
    for socket in (first, second):
        await socket.close()
    error = {"message": "at most 2 subscriptions at a time", "extensions": {"code": "RATE_LIMITED"}}
    assert refused == {"id": "3", "type": "error", "payload": [error]}
    assert (stream.status_code, stream.json()) == (429, {"errors": [error]})


async def test_an_ended_event_stream_makes_room_for_the_next(slow: Gateway) -> None:
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {_token(slow, 'six')}"}
    for _ in range(4):
        async with slow.client.stream("POST", "/graphql", json=WATCH, headers=headers) as answer:
            assert answer.status_code == 200
        await asyncio.sleep(0.1)


def _rate(cache: Cache, **changes: Any) -> RateLimit:
    return RateLimit(cache, **{"secret": "s", "per_second": 1.0, "burst": 20, **changes})


async def _passed(rates: list[RateLimit], times: int) -> int:
    """How many of so many calls passed, the processes in turn."""
    passed = 0
    for number in range(times):
        try:
            await rates[number % len(rates)].take("somebody", 1)
            passed += 1
        except RateLimited:
            continue
    return passed


async def test_processes_share_one_bucket(services: Services) -> None:
    caches = [Cache(connect_cache(services.redis.url), secret="s") for _ in range(2)]
    secret = str(time.time())
    passed = await _passed([_rate(cache, secret=secret) for cache in caches], 60)
    assert passed >= 20
    assert_within(23, passed=passed)
    for cache in caches:
        await cache.close()


async def test_without_redis_each_process_counts_by_itself() -> None:
    cache = Cache(connect_cache("redis://127.0.0.1:1/0"), secret="s")
    now = [0.0]
    rate = _rate(cache, clock=lambda: now[0])
    assert await _passed([rate], 30) == 20
    now[0] += 3.0
    assert await _passed([rate], 30) == 3
    await cache.close()


async def test_a_caller_is_no_name_in_redis(services: Services) -> None:
    cache = Cache(connect_cache(services.redis.url), secret="s")
    await _rate(cache).take("maria@example.org", 1)
    names = [key.decode() async for key in cache._redis.scan_iter("rate:*")]
    assert names
    assert not any("maria" in name for name in names)
    await cache.close()


async def test_requests_at_the_same_time_lose_nothing_of_their_lease(services: Services) -> None:
    cache = Cache(connect_cache(services.redis.url), secret="s")
    rate = _rate(cache, secret=str(time.time()), per_second=50.0, burst=60)
    await asyncio.gather(*(rate.take("somebody", 1) for _ in range(5)))
    # At 50 tokens a second the bucket gains a few meanwhile.
    passed = await _passed([rate], 80)
    assert passed >= 55
    assert_within(76, passed=passed)
    await cache.close()


async def test_what_was_leased_counts_for_an_operation_that_needs_the_whole_bucket() -> None:
    cache = Cache(connect_cache("memory://"), secret="s")
    rate = _rate(cache, per_second=50.0, burst=60)
    await rate.take("somebody", 1)
    await rate.take("somebody", 59)
    with pytest.raises(RateLimited):
        await rate.take("somebody", 59)
    await cache.close()


async def test_a_cancelled_request_takes_one_token_at_most(services: Services) -> None:
    cache = Cache(connect_cache(services.redis.url), secret="s")
    rate = _rate(cache, secret=str(time.time()), per_second=0.5)
    taking = asyncio.create_task(rate.take("somebody", 1))
    await asyncio.sleep(0)
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert await _passed([rate], 30) in (19, 20)
    await cache.close()
