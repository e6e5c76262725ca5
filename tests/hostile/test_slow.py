"""Clients that send byte by byte, or never take their answers, are let go in time and cost little meanwhile."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
from graphql import get_introspection_query

from tests.faults.processes import Fleet, GatewayProcess, running_fleet
from tests.faults.stage import prepare
from tests.figures import assert_within
from tests.gateway import embedded_settings
from tests.hostile.test_corpus import CPU_SECONDS_MAX
from tests.hostile.wire import cpu_seconds, post

EACH = 20
LIMIT_SECONDS = 1.0
DRIP_SECONDS = 0.1
KEEP_ALIVE_SECONDS = 2
HEAD = b"POST /graphql HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\n"
DRIPS = {
    "head": (HEAD + b"x-slow: ", b"x"),
    "body": (HEAD + b"content-length: 1000\r\n\r\n", b" "),
    "chunks": (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
}


@pytest.fixture(scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    names = ("header_timeout_seconds", "body_timeout_seconds", "send_timeout_seconds")
    settings = embedded_settings(tmp_path_factory.mktemp("slow")).model_copy(
        update={**dict.fromkeys(names, LIMIT_SECONDS), "keep_alive_seconds": KEEP_ALIVE_SECONDS}
    )
    await prepare(settings)
    async with running_fleet(settings, [GatewayProcess(settings)]) as found:
        yield found


async def _dripped(port: int, first: bytes, drip: bytes) -> tuple[bytes, int]:
    """What comes back, and after how many drips, while one is sent now and then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer, drips = asyncio.create_task(reader.readline()), 0
    with suppress(ConnectionError):
        writer.write(first)
        while not answer.done() and drips < 5 * LIMIT_SECONDS / DRIP_SECONDS:
            writer.write(drip)
            drips += 1
            await asyncio.wait([answer], timeout=DRIP_SECONDS)
    writer.close()
    return await answer, drips


@pytest.mark.parametrize("part", DRIPS)
async def test_what_comes_byte_by_byte_is_ended_in_time_and_costs_little(fleet: Fleet, part: str) -> None:
    (process,) = fleet.processes
    before = cpu_seconds(process)
    slow = [asyncio.create_task(_dripped(process.settings.port, *DRIPS[part])) for _ in range(EACH)]
    found = await asyncio.gather(*slow)
    assert_within(CPU_SECONDS_MAX, each=(cpu_seconds(process) - before) / EACH)
    assert {answer for answer, _ in found} == {b"HTTP/1.1 408 Request Timeout\r\n"}
    assert max(drips for _, drips in found) < 2.5 * LIMIT_SECONDS / DRIP_SECONDS


async def test_an_idle_connection_is_closed_after_the_time_that_is_set(fleet: Fleet) -> None:
    (process,) = fleet.processes
    reader, writer = await asyncio.open_connection("127.0.0.1", process.settings.port)
    for idle in (0, KEEP_ALIVE_SECONDS / 2):
        await asyncio.sleep(idle)
        writer.write(b"GET /health/live HTTP/1.1\r\nhost: g\r\n\r\n")
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))
    began = time.monotonic()
    assert await asyncio.wait_for(reader.read(), 5 * KEEP_ALIVE_SECONDS) == b""
    assert time.monotonic() - began > KEEP_ALIVE_SECONDS / 2
    writer.close()


async def test_whoever_waits_beside_them_is_answered_at_once(fleet: Fleet) -> None:
    (process,) = fleet.processes
    async with httpx.AsyncClient(base_url=process.url) as client:
        quiet = await _seconds_of_twenty(client)
        ports = [(process.settings.port, *DRIPS[part]) for part in DRIPS for _ in range(EACH)]
        slow = [asyncio.create_task(_dripped(*each)) for each in ports]
        await asyncio.sleep(0.2)
        beside = await _seconds_of_twenty(client)
    # A machine that is busy with something else is slow without them too.
    assert beside < max(LIMIT_SECONDS, 2 * quiet)
    await asyncio.gather(*slow)


async def _seconds_of_twenty(client: httpx.AsyncClient) -> float:
    began = time.monotonic()
    assert [(await client.get("/health/live")).status_code for _ in range(20)] == [200] * 20
    return time.monotonic() - began


def _rest(lazy: socket.socket) -> bytes:
    found = b""
    with suppress(ConnectionError):
        while chunk := lazy.recv(1_000_000):
            found += chunk
    return found


async def test_an_answer_that_nobody_takes_is_given_up(fleet: Fleet) -> None:
    (process,) = fleet.processes
    request = post(json.dumps({"query": get_introspection_query()}).encode()).replace(b"close", b"keep-alive")
    with socket.create_connection(("127.0.0.1", process.settings.port), timeout=5) as lazy:
        await asyncio.to_thread(lazy.sendall, request * 60)
        await asyncio.sleep(4 * LIMIT_SECONDS)
        found = await asyncio.to_thread(_rest, lazy)
    assert 0 < found.count(b"HTTP/1.1 200 OK") < 60
    assert "Traceback" not in process.log.read_text(), process.log.read_text()[-3000:].replace("\\n", "\n")
