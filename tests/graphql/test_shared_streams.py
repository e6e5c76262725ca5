"""One event stream for many operations: graphql-sse's single connection."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from app.transport import shared_streams
from app.transport.shared_streams import OPERATIONS_MAX, TOKEN_HEADER
from tests.factories import World
from tests.faults.waiting import until_true
from tests.gateway import Gateway
from tests.graphql.http_audits.requests import ENDLESS, NUMBERS
from tests.graphql.http_audits.toy import Toy, until

PATH = "/graphql"
WATCH = "subscription { settlementRecorded { cursor } }"


@pytest.fixture
def toy() -> Toy:
    return Toy()


@pytest.fixture
def address(toy: Toy) -> Iterator[str]:
    with toy.served() as address:
        yield address


@pytest.fixture
async def client(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=10) as client:
        yield client


class Shared:
    """A reserved stream, and what was read of it."""

    def __init__(self, client: httpx.AsyncClient, token: str, headers: dict[str, str]) -> None:
        self._client = client
        self.headers = {TOKEN_HEADER: token, **headers}
        self.text = ""
        self._lines: AsyncIterator[str] | None = None

    async def post(self, query: str, id: object, **members: Any) -> httpx.Response:
        """The answer to a request for an operation."""
        body = {"query": query, "extensions": {"operationId": id}, **members}
        return await self._client.post(PATH, json=body, headers=self.headers)

    async def leave(self, id: str) -> httpx.Response:
        """The answer to a request to end an operation."""
        return await self._client.delete(PATH, params={"operationId": id}, headers=self.headers)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[httpx.Response]:
        """The stream is open inside the block."""
        async with self._client.stream("GET", PATH, headers=self.headers) as response:
            self._lines = response.aiter_lines()
            yield response

    async def told(self) -> tuple[str, Any]:
        """The next message: its event and its data."""
        assert self._lines is not None
        event = ""
        async with asyncio.timeout(10):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    return event, json.loads(value)
        return "end", None


async def _reserved(client: httpx.AsyncClient, **headers: str) -> Shared:
    answer = await client.put(PATH, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (201, "text/plain; charset=utf-8")
    return Shared(client, answer.text, headers)


def _refusal(answer: httpx.Response) -> tuple[int, str, str]:
    (error,) = answer.json()["errors"]
    return answer.status_code, error["extensions"]["code"], error["message"]


async def test_operations_are_answered_over_one_stream_under_their_ids(client: httpx.AsyncClient) -> None:
    shared = await _reserved(client)
    async with shared.connected() as response:
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        accepted = await shared.post(NUMBERS, "one")
        assert (accepted.status_code, accepted.content) == (202, b"")
        payloads = [{"id": "one", "payload": {"data": {"numbers": number}}} for number in (1, 2)]
        told = [await shared.told() for _ in range(3)]
        assert told == [*[("next", each) for each in payloads], ("complete", {"id": "one"})]
        assert (await shared.post("{ hello }", "one")).status_code == 202
        assert await shared.told() == ("next", {"id": "one", "payload": {"data": {"hello": "world"}}})
        assert await shared.told() == ("complete", {"id": "one"})


async def test_the_bytes_are_those_of_the_protocol(client: httpx.AsyncClient) -> None:
    shared = await _reserved(client)
    async with client.stream("GET", PATH, params={"token": shared.headers[TOKEN_HEADER]}) as response:
        assert (await shared.post("{ hello }", "q")).status_code == 202
        text = ""
        async for part in response.aiter_text():
            text += part
            if "complete" in text:
                break
    payload = '{"id":"q","payload":{"data":{"hello":"world"}}}'
    assert text == f':\n\nevent: next\ndata: {payload}\n\nevent: complete\ndata: {{"id":"q"}}\n\n'


async def test_an_operation_is_ended_alone_or_with_the_stream(client: httpx.AsyncClient, toy: Toy) -> None:
    shared = await _reserved(client)
    async with shared.connected():
        await shared.post(ENDLESS, "one")
        assert (await shared.told())[0] == "next"
        assert (await shared.leave("one")).status_code == 200
        await until(toy.journal, "closed")
        assert (await shared.post(ENDLESS, "two")).status_code == 202
        await shared.post("mutation { write(seconds: 0.3) }", "three")
        await until(toy.journal, "closed", "mutation begun")
    await until(toy.journal, "closed", "mutation begun", "closed", "mutation done")
    assert _refusal(await shared.post(NUMBERS, "four"))[:2] == (404, "NOT_FOUND")


async def test_what_cannot_be_done_is_refused(client: httpx.AsyncClient) -> None:
    shared = await _reserved(client)
    early = await shared.post(NUMBERS, "one")
    assert _refusal(early) == (409, "BAD_REQUEST", "connect to the stream by GET first")
    async with shared.connected():
        again = await client.get(PATH, headers=shared.headers)
        assert _refusal(again) == (409, "BAD_REQUEST", "the stream is connected already")
        for id in (None, "", 1, "x" * 129):
            assert _refusal(await shared.post(NUMBERS, id))[:2] == (400, "BAD_REQUEST")
        assert _refusal(await shared.post("{ none }", "one"))[:2] == (400, "GRAPHQL_VALIDATION_FAILED")
        assert (await client.delete(PATH, headers=shared.headers)).status_code == 400
        for number in range(OPERATIONS_MAX):
            await shared.post(ENDLESS, str(number))
        assert _refusal(await shared.post(NUMBERS, "0")) == (409, "BAD_REQUEST", "the operationId is in use")
        more = _refusal(await shared.post(NUMBERS, "more"))
        assert more == (429, "RATE_LIMITED", f"at most {OPERATIONS_MAX} operations at a time")


async def test_an_unused_reservation_ends(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_streams, "RESERVED_SECONDS", 0.05)
    shared = await _reserved(client)
    await asyncio.sleep(0.2)
    found = await client.get(PATH, headers=shared.headers)
    assert _refusal(found) == (404, "NOT_FOUND", "reserve a stream by PUT first")


async def test_a_caller_reserves_so_many_and_more_when_one_has_ended() -> None:
    with Toy(streams_per_caller=1).served() as address:
        async with httpx.AsyncClient(base_url=f"http://{address}", timeout=10) as client:
            shared = await _reserved(client)
            more = _refusal(await client.put(PATH))
            assert more == (429, "RATE_LIMITED", "at most 1 reserved streams at a time")
            async with shared.connected():
                assert (await shared.post(ENDLESS, "one")).status_code == 202
                assert (await shared.post(NUMBERS, "two")).status_code == 202
                told = [await shared.told() for _ in range(20)]
            (error,) = next(each for _, each in told if each["id"] == "two")["payload"]["errors"]
            assert error["message"] == "at most 1 subscriptions at a time"
            await until_true(lambda: _is_free(client))


async def _is_free(client: httpx.AsyncClient) -> bool:
    return (await client.put(PATH)).status_code == 201


async def test_nothing_lives_longer_than_its_token(client: httpx.AsyncClient, toy: Toy) -> None:
    shared = await _reserved(client)
    async with shared.connected():
        shared.headers["authorization"] = "Bearer short"
        await shared.post(ENDLESS, "one")
        told = [await shared.told()]
        while told[-1][0] != "complete":
            told.append(await shared.told())
        (error,) = told[-2][1]["payload"]["errors"]
        assert (error["extensions"]["code"], toy.journal) == ("UNAUTHENTICATED", ["closed"])
    short = await _reserved(client, authorization="Bearer short")
    async with short.connected():
        assert await short.told() == ("end", None)


async def test_several_processes_refuse_to_reserve() -> None:
    with Toy(is_alone=False).served() as address:
        answer = await asyncio.to_thread(httpx.put, f"http://{address}{PATH}")
    message = "use GET or POST: no stream can be reserved where several processes answer"
    assert _refusal(answer) == (405, "METHOD_NOT_ALLOWED", message)
    assert answer.headers["allow"] == "GET, POST"


async def test_a_stream_is_that_of_the_caller_who_reserved_it(gateway: Gateway, world: World) -> None:
    own, other = ({"authorization": f"Bearer {world.token(role)}"} for role in ("finance", "biller"))
    assert _refusal(await gateway.client.put(PATH))[:2] == (401, "UNAUTHENTICATED")
    shared = await _reserved(gateway.client, **own)
    stolen = {**shared.headers, **other}
    body = {"query": WATCH, "extensions": {"operationId": "one"}}
    for method, given in (("POST", body), ("DELETE", None), ("GET", None)):
        found = await gateway.client.request(method, f"{PATH}?operationId=one", json=given, headers=stolen)
        assert _refusal(found) == (404, "NOT_FOUND", "reserve a stream by PUT first")
    async with shared.connected():
        assert (await shared.post(WATCH, "one")).status_code == 202
        event, message = await shared.told()
        assert (event, list(message["payload"]["data"]["settlementRecorded"])) == ("next", ["cursor"])
        issue = 'mutation { issueInvoice(input: { invoiceId: "inv_x" }) { errors { code } } }'
        assert (await shared.post(issue, "two")).status_code == 202
        _, message = await shared.told()
        assert message["payload"]["data"]["issueInvoice"]["errors"] == [{"code": "IDEMPOTENCY_KEY_REQUIRED"}]
