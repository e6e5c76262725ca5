"""Several requests on one connection: answered in order, and what follows an answer that came early is bounded."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime

import pytest

from tests.faults.processes import Fleet, GatewayProcess, running_fleet
from tests.faults.stage import prepare
from tests.figures import assert_within
from tests.gateway import embedded_settings
from tests.hostile.wire import JSON

HEAD_SECONDS = 1.0
ALIVE = b'{"status":"alive"}'
PLAIN = b"GET /health/live HTTP/1.1\r\nhost: g\r\n\r\n"
LAST = b"GET /health/live HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n"
QUERY = b'{"query":"{__typename}"}'
POST = b"POST /graphql HTTP/1.1\r\nhost: g\r\n" + JSON
UNKNOWN = POST + b"authorization: Bearer x\r\n"


@pytest.fixture(scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    settings = embedded_settings(tmp_path_factory.mktemp("connection"), header_timeout_seconds=HEAD_SECONDS)
    await prepare(settings)
    async with running_fleet(settings, [GatewayProcess(settings)]) as found:
        yield found
        (process,) = found.processes
        assert "Traceback" not in process.log.read_text(), process.log.read_text()[-3000:]


async def _sent(fleet: Fleet, data: bytes, seconds: float = 5) -> bytes:
    """All that comes back until the connection is closed; TimeoutError."""
    reader, writer = await asyncio.open_connection("127.0.0.1", fleet.processes[0].settings.port)
    writer.write(data)
    found = await asyncio.wait_for(reader.read(), seconds)
    writer.close()
    return found


def _posted(body: bytes, head: bytes = POST) -> bytes:
    return head + b"content-length: %d\r\n\r\n%s" % (len(body), body)


async def test_each_response_has_the_date_at_which_it_began(fleet: Fleet) -> None:
    for _ in range(2):
        before = int(time.time())
        found = await _sent(fleet, LAST)
        (date,) = [line for line in found.split(b"\r\n") if line.startswith(b"date: ")]
        assert before <= parsedate_to_datetime(date[6:].decode()).timestamp() <= time.time()
        await asyncio.sleep(1)


async def test_requests_that_are_sent_at_once_are_answered_in_order(fleet: Fleet) -> None:
    stream = _posted(QUERY, POST + b"accept: text/event-stream\r\n")
    found = await _sent(fleet, stream + PLAIN * 3 + _posted(QUERY) + LAST)
    assert found.count(b"HTTP/1.1 200 OK\r\n") == 6
    assert found.index(b"event: complete") < found.index(ALIVE)
    assert found.rindex(b'{"data":{"__typename":"Query"}') > found.index(ALIVE)
    assert found.count(ALIVE) == 4
    assert found.endswith(ALIVE)


@pytest.mark.parametrize("pause", [0, 0.05])
async def test_a_request_that_comes_in_two_pieces_is_answered(fleet: Fleet, pause: float) -> None:
    whole = PLAIN + _posted(QUERY) + LAST
    for place in range(0, len(whole), 1 if not pause else 40):
        reader, writer = await asyncio.open_connection("127.0.0.1", fleet.processes[0].settings.port)
        writer.write(whole[:place])
        await asyncio.sleep(pause)
        writer.write(whole[place:])
        found = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        assert (found.count(b"HTTP/1.1 200 OK"), found.count(ALIVE)) == (3, 2), place


async def test_a_request_right_after_chunks_has_to_be_sent_again(fleet: Fleet) -> None:
    chunked = POST + b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(QUERY), QUERY)
    found = await _sent(fleet, chunked + PLAIN)
    assert found.count(b"HTTP/1.1") == 1
    assert b"HTTP/1.1 200 OK\r\n" in found
    assert b"\r\nconnection: close\r\n" in found


async def test_a_connection_whose_request_is_refused_early_can_be_used_again(fleet: Fleet) -> None:
    found = await _sent(fleet, _posted(b" " * 100_000, UNKNOWN) + LAST)
    assert found.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert found.endswith(ALIVE)


@pytest.mark.parametrize("size", [1_000_000, 10_000])
async def test_the_rest_of_a_request_that_is_refused_early_is_bounded(fleet: Fleet, size: int) -> None:
    began = time.monotonic()
    # A large rest is dropped at once, a small one that never comes after the time for a head.
    found = await _sent(fleet, _posted(b" " * size, UNKNOWN)[: size - 5_000])
    assert found.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert_within(HEAD_SECONDS + 2, seconds=time.monotonic() - began)


async def test_the_answer_to_a_head_that_is_too_long_reaches_a_client_that_still_sends(fleet: Fleet) -> None:
    found = await _sent(fleet, b"GET / HTTP/1.1\r\nhost: g\r\n" + b"x: y\r\n" * 100_000)
    head, _, body = found.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert json.loads(body) == {
        "errors": [{"message": "send fewer and shorter headers", "extensions": {"code": "HEADERS_TOO_LARGE"}}]
    }


async def test_a_redirect_says_nothing_of_the_host(fleet: Fleet) -> None:
    found = await _sent(fleet, b"GET / HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n")
    assert b"\r\nlocation: /graphql\r\n" in found
    for path in (b"/graphql/", b"/health/", b"/health/live/", b"/metrics/", b"//graphql", b"/graphql/explorer"):
        found = await _sent(fleet, b"GET %s HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n" % path)
        assert found.startswith(b"HTTP/1.1 404 Not Found\r\n"), path
        assert b"evil.example" not in found
