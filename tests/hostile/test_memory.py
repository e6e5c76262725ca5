"""One connection costs little memory, whatever is sent on it and however fast."""

import asyncio
import base64
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from tests.faults.processes import Fleet, GatewayProcess, running_fleet
from tests.faults.stage import prepare
from tests.figures import Figures
from tests.gateway import embedded_settings
from tests.hostile.wire import JSON

MEGABYTE = 1_000_000
GROWTH_BYTES_MAX = 50 * MEGABYTE
SENT_BYTES_MAX = 61 * MEGABYTE
SECONDS = 0.8
SAMPLE_SECONDS = 0.02
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large"
GET = b"GET /graphql HTTP/1.1\r\nhost: g\r\n"
CHUNKED = b"POST /graphql HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n" + JSON + b"\r\n"
UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nhost: g\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: %s\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n" % base64.b64encode(bytes(16))
)
SUBSCRIPTION = b'{"query":"subscription{settlementRecorded{cursor}}"}'

# What begins the connection, and what is then repeated.
ENDLESS = {
    "trailers": (CHUNKED + b"1\r\n{\r\n0\r\n", b"x: y\r\n"),
    "one trailer": (CHUNKED + b"1\r\n{\r\n0\r\nx: ", b"y"),
    "the name of a trailer": (CHUNKED + b"1\r\n{\r\n0\r\n", b"y"),
    "a chunk extension": (CHUNKED + b"1;a=", b"b"),
    "chunks with extensions": (CHUNKED, b"1;aaaaaaaa\r\n \r\n"),
    "headers": (GET, b"x: y\r\n"),
    "one header": (GET + b"x: ", b"y"),
    "the name of a header": (GET, b"y"),
    "a path": (b"GET /", b"x"),
    "blank lines": (b"", b"\r\n"),
}


def _stream(token: str) -> bytes:
    """A request that is answered by a stream of events for as long as the connection is open."""
    return (
        b"POST /graphql HTTP/1.1\r\nhost: g\r\naccept: text/event-stream\r\nauthorization: Bearer %s\r\n%s"
        b"content-length: %d\r\n\r\n%s" % (token.encode(), JSON, len(SUBSCRIPTION), SUBSCRIPTION)
    )


def _frame(opcode: int, payload: bytes, *, is_last: bool = True) -> bytes:
    """A client's frame, masked with zeros."""
    assert len(payload) < 65_536
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return bytes([(0x80 if is_last else 0) | opcode]) + size + bytes(4) + payload


def _init(token: str) -> bytes:
    message = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
    return UPGRADE + _frame(1, json.dumps(message).encode())


@pytest.fixture(scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    settings = embedded_settings(tmp_path_factory.mktemp("memory"))
    await prepare(settings)
    async with running_fleet(settings, [GatewayProcess(settings)]) as found:
        await found.gql("{ claims(first: 5) { nodes { id items { id } } } }", token=found.token("reviewer"))
        yield found
        (process,) = found.processes
        assert "Traceback" not in process.log.read_text(), process.log.read_text()[-3000:].replace("\\n", "\n")


class Watched:
    """The most memory that the process has had more than before, in bytes."""

    def __init__(self, process: GatewayProcess) -> None:
        self._process = process
        self._before = process.resident_bytes()
        self.growth = 0

    async def watch(self) -> None:
        """Look again and again until cancelled."""
        while True:
            self.growth = max(self.growth, self._process.resident_bytes() - self._before)
            await asyncio.sleep(SAMPLE_SECONDS)


async def _flood(process: GatewayProcess, first: bytes, repeated: bytes, *, reads: bool = True) -> tuple[bytes, int]:
    """What is answered, and how many bytes could be sent, until the connection is closed or the time is over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", process.settings.port)
    block, sent = repeated * max(1, 65_536 // len(repeated)), len(first)
    writer.transport.set_write_buffer_limits(high=0)
    with suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(SECONDS):
            writer.write(first)
            while sent < SENT_BYTES_MAX and not reader.at_eof():
                writer.write(block)
                await writer.drain()
                sent += len(block)
    answer = b""
    with suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(SECONDS if reads else 0.01):
            while chunk := await reader.read(65_536):
                answer += chunk
    writer.transport.abort()
    return answer, sent


async def _measured(
    process: GatewayProcess, first: bytes, repeated: bytes, *, reads: bool = True
) -> tuple[bytes, int, int]:
    """The same with the growth of the process's memory."""
    watched = Watched(process)
    task = asyncio.create_task(watched.watch())
    answer, sent = await _flood(process, first, repeated, reads=reads)
    task.cancel()
    return answer, sent, watched.growth


@pytest.mark.parametrize("what", ENDLESS)
async def test_what_has_no_end_is_refused_and_costs_little(fleet: Fleet, figures: Figures, what: str) -> None:
    (process,) = fleet.processes
    began = time.monotonic()
    answer, sent, growth = await _measured(process, *ENDLESS[what])
    figures(sent_megabytes=sent / MEGABYTE, growth_megabytes=growth / MEGABYTE, seconds=time.monotonic() - began)
    assert answer.partition(b"\r\n")[0] == TOO_LARGE
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["errors"][0]["extensions"] == {"code": "HEADERS_TOO_LARGE"}
    assert growth < GROWTH_BYTES_MAX


@pytest.mark.parametrize("behind", [b"GET /health/live HTTP/1.1\r\nhost: g\r\n\r\n", b"x: y\r\n", b"\r\n"])
async def test_what_is_sent_behind_a_stream_is_not_read(fleet: Fleet, figures: Figures, behind: bytes) -> None:
    (process,) = fleet.processes
    answer, sent, growth = await _measured(process, _stream(fleet.token("finance")), behind, reads=False)
    figures(sent_megabytes=sent / MEGABYTE, growth_megabytes=growth / MEGABYTE)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.count(b"HTTP/1.1") == 1
    assert growth < GROWTH_BYTES_MAX
    # The rest of what could be sent is in the buffers of both kernels.
    assert sent < 20 * MEGABYTE


FRAMES = {
    "pings that nobody reads the answers of": _frame(9, b"x" * 125),
    "empty pieces of one message": _frame(0, b"", is_last=False),
    "messages of one letter": _frame(1, b"x"),
    "pongs": _frame(10, b""),
    "frames before the initialisation": _frame(1, b"x"),
}


@pytest.mark.parametrize("what", FRAMES)
async def test_frames_cost_little(fleet: Fleet, figures: Figures, what: str) -> None:
    (process,) = fleet.processes
    begin = UPGRADE if what == "frames before the initialisation" else _init(fleet.token("finance"))
    if what.startswith("empty"):
        begin += _frame(1, b"", is_last=False)
    _, sent, growth = await _measured(process, begin, FRAMES[what], reads=False)
    figures(sent_megabytes=sent / MEGABYTE, growth_megabytes=growth / MEGABYTE)
    assert growth < GROWTH_BYTES_MAX


async def test_many_connections_that_send_in_advance_cost_little_each(fleet: Fleet, figures: Figures) -> None:
    (process,) = fleet.processes
    watched = Watched(process)
    task = asyncio.create_task(watched.watch())
    behind = b"GET /" + os.urandom(16).hex().encode()
    each = [_flood(process, _stream(fleet.token("finance")), behind, reads=False) for _ in range(20)]
    await asyncio.gather(*each)
    task.cancel()
    figures(growth_megabytes_of_20=watched.growth / MEGABYTE)
    assert watched.growth < GROWTH_BYTES_MAX
