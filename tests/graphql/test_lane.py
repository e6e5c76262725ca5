"""Usual requests take a short way: it answers as the general one does, to the byte, and takes only what it knows."""

import asyncio
import json
import re
import threading
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from app.transport.compression import CODINGS
from app.web.lane import Lane
from tests.factories import World
from tests.gateway import Gateway
from tests.inputs import input_type

SECONDS = 20.0
MANY = "{ claims(first: 50) { nodes { id status providerClaimNumber } pageInfo { endCursor } } }"
LONG = "{ " + " ".join(f"{'a' * 60}{number}: __typename" for number in range(20)) + " }"
CLAIM = "query Claim($id: ID!) { claim(id: $id) { id status claimedAmount history(first: 5) { nodes { status } } } }"
REFUSED = "{ emergencyAccesses(first: 1) { nodes { id } } }"
CANCEL = (
    f"mutation($input: {input_type('cancelClaim')}!) {{ cancelClaim(input: $input) {{ errors {{ code message }} }} }}"
)
DEAR = "{ claims(first: 100) { nodes { invoices(first: 100) { nodes { lines(first: 1000) { nodes { id } } } } } } }"
_OWN_ID = re.compile(rb"x-request-id: [0-9a-f]{16}")
PLAIN = ((b"content-type", b"application/json"),)


@dataclass(frozen=True)
class Case:
    """A request by its body and further headers, and whether it is a usual one; `role` None sends no token."""

    body: Any
    headers: tuple[tuple[bytes, bytes], ...] = PLAIN
    is_usual: bool = True
    role: str | None = "biller"
    host: bytes = b"gateway"
    target: bytes = b"/graphql"
    method: bytes = b"POST"
    is_chunked: bool = False


def _with(*headers: tuple[bytes, bytes]) -> tuple[tuple[bytes, bytes], ...]:
    return (*PLAIN, *headers)


def _query(text: str, **variables: Any) -> dict[str, Any]:
    return {"query": text, "variables": variables}


UNKNOWN = "01jaaaaaaaaaaaaaaaaaaaaaaa"
TYPENAME = _query("{ __typename }")
USUAL = {
    "the least": Case(TYPENAME),
    "a list": Case(_query(MANY)),
    "null without variables": Case({"query": "{ __typename }", "variables": None, "operationName": None}),
    "an operation of two": Case({"query": "query A { __typename } query B { b: __typename }", "operationName": "B"}),
    "nothing found": Case(_query(CLAIM, id=f"claim_{UNKNOWN}")),
    "a wrong id": Case(_query(CLAIM, id="x")),
    "a refused field": Case(_query(REFUSED)),
    "a refused field in Portuguese": Case(_query(REFUSED), _with((b"accept-language", b"pt-BR"))),
    "a refused change": Case(_query(CANCEL, input={"claimId": f"claim_{UNKNOWN}", "idempotencyKey": f"k{UNKNOWN}"})),
    "too dear": Case(_query(DEAR)),
    "true statuses": Case(_query(CLAIM, id="x"), _with((b"accept", b"application/graphql-response+json"))),
    "any type": Case(TYPENAME, _with((b"accept", b"*/*"))),
    "a browser's types": Case(TYPENAME, _with((b"accept", b"text/html, application/json;q=0.9, multipart/mixed"))),
    "a charset": Case(TYPENAME, ((b"content-type", b'Application/JSON; charset="UTF-8"'),)),
    "gzip": Case(_query(LONG), _with((b"accept-encoding", b"gzip, deflate"))),
    "brotli": Case(_query(LONG), _with((b"accept-encoding", b"br"))),
    "no coding that is known": Case(_query(LONG), _with((b"accept-encoding", b"identity"))),
    "too short for a coding": Case(TYPENAME, _with((b"accept-encoding", b"gzip"))),
    "a page of this machine": Case(TYPENAME, _with((b"origin", b"http://localhost:3000"))),
    "a page of another site": Case(TYPENAME, _with((b"origin", b"https://elsewhere.example"))),
    "an id of its own": Case(TYPENAME, _with((b"x-request-id", b"0123-abcd"))),
    "headers that nobody reads": Case(TYPENAME, _with((b"user-agent", b"a"), (b"traceparent", b"00-1-2-01"))),
    "introspection": Case(_query("{ __schema { queryType { name } } }"), role="support"),
    "introspection without permission": Case(_query("{ __schema { queryType { name } } }"), role="payer_analyst"),
    "a token that is refused": Case(TYPENAME, _with((b"authorization", b"Bearer a.b.c")), role=None),
    "another scheme": Case(TYPENAME, _with((b"authorization", b"Basic YTpi")), role=None),
}
UNUSUAL = {
    "nobody": Case(TYPENAME, role=None),
    "GET": Case(b"", (), method=b"GET", target=b"/graphql?query=%7B__typename%7D"),
    "a query string": Case(TYPENAME, target=b"/graphql?token=a"),
    "a batch": Case([TYPENAME, TYPENAME]),
    "no JSON": Case(b"{"),
    "no object": Case(b"1"),
    "no query": Case({}),
    "a wrong operationName": Case({"query": "{ __typename }", "operationName": 1}),
    "an operation that is not there": Case({"query": "{ __typename }", "operationName": "B"}),
    "two operations without a name": Case(_query("query A { __typename } query B { __typename }")),
    "not GraphQL": Case(_query("{")),
    "an unknown field": Case(_query("{ nothing }")),
    "variables that do not fit": Case(_query(CLAIM, id=[1, 2])),
    "a subscription": Case(_query("subscription { settlementChanged { id } }")),
    "a hash": Case({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}}),
    "no type": Case(TYPENAME, ()),
    "a form": Case(TYPENAME, ((b"content-type", b"text/plain"),)),
    "a compressed body": Case(TYPENAME, _with((b"content-encoding", b"gzip"))),
    "chunks": Case(TYPENAME, is_chunked=True),
    "two types": Case(TYPENAME, _with((b"content-type", b"application/json"))),
    "two tokens": Case(TYPENAME, _with((b"authorization", b"Bearer a.b.c"))),
    "two origins": Case(TYPENAME, _with((b"origin", b"http://localhost:1"), (b"origin", b"http://localhost:2"))),
    "a wrong host": Case(TYPENAME, host=b"a b"),
    "an event stream": Case(TYPENAME, _with((b"accept", b"text/event-stream"))),
    "no type that is known": Case(TYPENAME, _with((b"accept", b"image/png"))),
    "an event stream's token": Case(TYPENAME, _with((b"x-graphql-event-stream-token", b"a"))),
}


@dataclass
class Ways:
    """Which way the requests of a test went; `is_open` False sends all the general way."""

    short: list[bool] = field(default_factory=list)
    is_open: bool = True
    lane: Any = None


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Ways:
    """Notes which way requests go."""
    found, short = Ways(), Lane.__call__

    async def noted(lane: Any, scope: Any, receive: Any, send: Any) -> None:
        found.lane = lane

        async def general(*request: Any) -> None:
            found.short[-1] = False
            await lane._general(*request)

        if scope["path"] != "/graphql" or not found.is_open:
            await lane._general(scope, receive, send)
            return
        found.short.append(True)
        beside = Lane.__new__(Lane)
        beside.__dict__.update(lane.__dict__, _general=general)
        await short(beside, scope, receive, send)

    monkeypatch.setattr(Lane, "__call__", noted)
    return found


def _request(case: Case, token: str | None) -> bytes:
    body = case.body if isinstance(case.body, bytes) else json.dumps(case.body).encode()
    headers = [(b"host", case.host), *case.headers, (b"connection", b"close")]
    if token is not None:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    if case.is_chunked:
        headers.append((b"transfer-encoding", b"chunked"))
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    else:
        headers.append((b"content-length", b"%d" % len(body)))
    lines = [b"%b %b HTTP/1.1" % (case.method, case.target), *(b"%b: %b" % each for each in headers), b"", b""]
    return b"\r\n".join(lines) + body


async def _exchange(gateway: Gateway, *parts: bytes, pause: float = 0.0) -> bytes:
    """All that the gateway sends until it closes."""
    port = int(gateway.url.rpartition(":")[2])
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for part in parts:
            writer.write(part)
            await asyncio.sleep(pause)
        answer = await reader.read()
        writer.close()
        return answer


def _comparable(answer: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Status line, headers in alphabetical order without what differs from request to request, and the body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *headers = head.split(b"\r\n")
    found = [_OWN_ID.sub(b"x-request-id: ...", each) for each in headers if not each.startswith(b"date: ")]
    return status, sorted(found), body


@pytest.mark.parametrize("name", [*USUAL, *UNUSUAL])
async def test_both_ways_give_the_same_answer(server_world: World, ways: Ways, name: str) -> None:
    case, gateway = {**USUAL, **UNUSUAL}[name], server_world.gateway
    request = _request(case, None if case.role is None else server_world.token(case.role))
    short = await _exchange(gateway, request)
    assert ways.short == [name in USUAL]
    ways.is_open = False
    general = await _exchange(gateway, request)
    assert _comparable(short) == _comparable(general)
    assert short.startswith(b"HTTP/1.1 ")


async def test_a_body_that_comes_later_goes_the_general_way(server_world: World, ways: Ways) -> None:
    request = _request(Case(TYPENAME), server_world.token("biller"))
    answer = await _exchange(server_world.gateway, request[:-5], request[-5:], pause=0.05)
    assert (answer.split(b"\r\n")[0], ways.short) == (b"HTTP/1.1 200 OK", [False])


async def test_an_unknown_document_is_compiled_by_the_general_way(
    server_world: World, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in production: the tests' gateways know each document at once."""
    token = server_world.token("biller")
    await _exchange(server_world.gateway, _request(Case(TYPENAME), token))
    monkeypatch.setattr(ways.lane._pipeline, "_knows_all", False)
    ways.short.clear()
    request = _request(Case(_query("{ once: __typename }")), token)
    answers = {_comparable(await _exchange(server_world.gateway, request))[2] for _ in range(3)}
    assert len(answers) == 1
    assert (answers.pop()[:25], ways.short) == (b'{"data":{"once":"Query"},', [False, True, True])


def _whole_schema(token: str) -> bytes:
    text = "{ __schema { types { name description fields { name description } } } }"
    return _request(Case(_query(text), _with((b"accept-encoding", b"gzip"))), token)


async def test_a_stop_during_the_compression_is_told_as_such(
    server_world: World, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = _whole_schema(server_world.token("support"))
    begun, released, loop = asyncio.Event(), threading.Event(), asyncio.get_running_loop()

    def held(body: bytes) -> bytes:
        loop.call_soon_threadsafe(begun.set)
        released.wait(SECONDS)
        return body

    monkeypatch.setitem(CODINGS, "gzip", held)
    answers = []
    for ways.is_open in (True, False):
        begun.clear()
        answering = asyncio.create_task(_exchange(server_world.gateway, request))
        async with asyncio.timeout(SECONDS):
            await begun.wait()
        _serving().cancel()
        answers.append(_comparable(await answering))
    released.set()
    assert ways.short == [True]
    assert answers[0] == answers[1]
    status, headers, body = answers[0]
    assert (status, b"connection: close" in headers) == (b"HTTP/1.1 503 Service Unavailable", True)
    assert json.loads(body)["errors"][0]["extensions"] == {"code": "UNAVAILABLE", "retryable": True}


def _serving() -> asyncio.Task[Any]:
    """The task of the only request."""
    (found,) = [each for each in asyncio.all_tasks() if getattr(each.get_coro(), "__name__", "") == "run_asgi"]
    return found


async def test_a_failure_during_the_compression_is_masked(
    server_world: World, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_body: bytes) -> bytes:
        raise RuntimeError

    monkeypatch.setitem(CODINGS, "gzip", failing)
    request = _whole_schema(server_world.token("support"))
    short = _comparable(await _exchange(server_world.gateway, request))
    ways.is_open = False
    general = _comparable(await _exchange(server_world.gateway, request))
    assert ways.short == [True]
    assert (short[:2], short[0]) == (general[:2], b"HTTP/1.1 500 Internal Server Error")
    assert json.loads(short[2])["errors"][0]["message"] == "internal error"


async def test_a_failure_beside_the_execution_is_counted_on_both_ways(
    server_world: World, ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, request = server_world.gateway, _request(Case(_query(REFUSED)), server_world.token("biller"))
    await _exchange(gateway, request)

    def failing(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(gateway.parts.access_log, "note", failing)
    counts = [await _internal(gateway)]
    for ways.is_open in (True, False):
        assert (await _exchange(gateway, request)).startswith(b"HTTP/1.1 500 ")
        counts.append(await _internal(gateway))
    assert [after - before for before, after in pairwise(counts)] == [1, 1]


async def _internal(gateway: Gateway) -> float:
    """How many requests have failed by the gateway's fault."""
    text = (await gateway.client.get("/metrics")).text
    found = re.findall(r'billing_graphql_requests_total\{[^}]*outcome="internal"[^}]*\} ([\d.]+)', text)
    return sum(map(float, found))
