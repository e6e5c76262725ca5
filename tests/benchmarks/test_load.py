"""The load of the benchmark counts every answer once, and only good ones as answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from benchmarks.load import Load, Reply, Tally, ask, request_bytes

REQUEST = request_bytes("POST", "/graphql", b"{}", {"authorization": "Bearer x"})
GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"data":{}}'
CHUNKED = b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{"data":\r\n3;x\r\n{}}\r\n0\r\n\r\n'
FAILED = b'HTTP/1.1 200 OK\r\ncontent-length: 27\r\n\r\n{"errors":[{"message":""}]}'
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"


@asynccontextmanager
async def _answering(answer: bytes, *, pieces: int = 1) -> AsyncIterator[int]:
    """A server that answers every request with these bytes, in so many pieces; its port."""
    size = -(-len(answer) // pieces)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(len(REQUEST)):
            for start in range(0, len(answer), size):
                writer.write(answer[start : start + size])
                await asyncio.sleep(0)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def test_a_request_has_its_length_and_headers() -> None:
    assert REQUEST == (
        b"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer x\r\n"
        b"content-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
    )


@pytest.mark.parametrize("pieces", [1, 5])
@pytest.mark.parametrize(("answer", "reply"), [(GOOD, Reply(200, b'{"data":{}}')), (REFUSED, Reply(503, b""))])
async def test_an_answer_is_read_whole(answer: bytes, reply: Reply, pieces: int) -> None:
    async with _answering(answer, pieces=pieces) as port:
        assert await ask(port, REQUEST) == reply


@pytest.mark.parametrize("pieces", [1, 5])
async def test_chunks_are_joined(pieces: int) -> None:
    async with _answering(CHUNKED, pieces=pieces) as port:
        assert await ask(port, REQUEST) == Reply(200, b'{"data":{}}')


@pytest.mark.parametrize(
    ("reply", "is_good"),
    [
        (Reply(200, b'{"data":{"createClaim":{"errors":[]}}}'), True),
        (Reply(201, b"{}"), True),
        (Reply(200, b'{"errors":[{"message":"no"}]}'), False),
        (Reply(500, b"{}"), False),
    ],
)
def test_an_answer_with_errors_is_not_good(reply: Reply, is_good: bool) -> None:
    assert reply.is_good == is_good


async def test_every_good_answer_is_counted() -> None:
    sent: list[int] = []

    def next_request() -> bytes:
        sent.append(1)
        return REQUEST

    async with _answering(GOOD) as port:
        load = Load(port, next_request)
        await load.open(3)
        tally = await load.run(0.05)
        load.close()
    assert (len(tally.latencies), tally.failed) == (len(sent), 0)
    assert len(sent) > 3


async def test_no_bad_answer_is_counted_as_an_answer() -> None:
    async with _answering(FAILED) as port:
        load = Load(port, lambda: REQUEST)
        await load.open(2)
        tally = await load.run(0.05)
        load.close()
    assert tally.latencies == []
    assert tally.failed > 2


def test_a_percentile_is_one_of_the_latencies() -> None:
    tally = Tally([float(number) for number in range(100, 0, -1)])
    assert (tally.percentile(0.5), tally.percentile(0.99), Tally().percentile(0.5)) == (51.0, 100.0, 0.0)
