"""The admin listener of several workers, which die while they answer and answer while others ask."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from app.telemetry.shared import SharedBytes
from app.web.combined_admin import create_combined_app
from app.web.heartbeats import Heartbeats

PAGE = "# HELP a_total x\n# TYPE a_total counter\na_total {}\n# HELP b_total x\n# TYPE b_total counter\nb_total {}\n"


@dataclass
class Worker:
    """A worker whose process has this number and these counts; it answers once `is_free`, all but the last bytes."""

    number: int
    counts: tuple[int, int]
    cut: int = 0
    is_asked: asyncio.Event = field(default_factory=asyncio.Event)
    is_free: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.is_asked.set()
        await self.is_free.wait()
        body = PAGE.format(*self.counts).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nx-process: {self.number}\r\n\r\n"
        writer.write(head.encode() + body[: len(body) - self.cut])
        await writer.drain()
        writer.close()


@asynccontextmanager
async def admin_of(*workers: Worker) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the admin listener of these workers."""
    servers = [await asyncio.start_server(each.answer, "127.0.0.1", 0) for each in workers]
    app = create_combined_app(
        [each.sockets[0].getsockname()[1] for each in servers], SharedBytes(10_000), Heartbeats(len(workers))
    )
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1") as client:
            yield client
    finally:
        for each in servers:
            each.close()


async def _counts(client: httpx.AsyncClient) -> list[float]:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    return [float(line.split(" ")[1]) for line in answer.text.splitlines() if line.startswith(("a_", "b_"))]


async def test_a_worker_that_dies_while_it_answers_has_said_nothing() -> None:
    worker = Worker(1, (1000, 2000))
    worker.is_free.set()
    async with admin_of(worker) as client:
        assert await _counts(client) == [1000, 2000]
        for worker.cut in (7, 50):
            assert await _counts(client) == [1000, 2000]
        worker.number, worker.counts, worker.cut = 2, (1, 1), 0
        assert await _counts(client) == [1001, 2001]


async def test_a_scrape_that_waits_counts_no_replaced_worker_twice() -> None:
    worker, slow = Worker(1, (100, 0)), Worker(9, (0, 0))
    worker.is_free.set()
    async with admin_of(worker, slow) as client:
        first = asyncio.create_task(_counts(client))
        await slow.is_asked.wait()
        worker.number, worker.counts = 2, (1, 0)
        second = asyncio.create_task(_counts(client))
        # Nobody who waits asks meanwhile.
        await asyncio.sleep(0.05)
        slow.is_free.set()
        assert [await first, await second] == [[100, 0], [101, 0]]
        assert await _counts(client) == [101, 0]
