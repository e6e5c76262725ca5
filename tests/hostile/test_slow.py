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
from tests.gateway import embedded_settings
from tests.hostile.test_corpus import CPU_SECONDS_MAX
from tests.hostile.wire import cpu_seconds, post

EACH = 20
LIMIT_SECONDS = 1.0
HEAD = b"POST /graphql HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\n"
DRIPS = {
    "head": (HEAD + b"x-slow: ", b"x"),
    "body": (HEAD + b"content-length: 1000\r\n\r\n", b" "),
    "chunks": (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
}


@pytest.fixture(scope="module")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    names = ("header_timeout_seconds", "body_timeout_seconds", "send_timeout_seconds")
    settings = embedded_settings(tmp_path_factory.mktemp("slow")).model_copy(update=dict.fromkeys(names, LIMIT_SECONDS))
    await prepare(settings)
    async with running_fleet(settings, [GatewayProcess(settings)]) as found:
        yield found


async def _dripped(port: int, first: bytes, drip: bytes) -> tuple[bytes, float]:
    """What comes back, and after how many seconds, while a byte is sent now and then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    answer = asyncio.create_task(reader.readline())
    with suppress(ConnectionError):
        writer.write(first)
        while not answer.done() and time.monotonic() - began < 5 * LIMIT_SECONDS:
            writer.write(drip)
            await asyncio.wait([answer], timeout=0.1)
    writer.close()
    return await answer, time.monotonic() - began


@pytest.mark.parametrize("part", DRIPS)
async def test_what_comes_byte_by_byte_is_ended_in_time_and_costs_little(fleet: Fleet, part: str) -> None:
    (process,) = fleet.processes
    before = cpu_seconds(process)
    slow = [asyncio.create_task(_dripped(process.settings.port, *DRIPS[part])) for _ in range(EACH)]
    found = await asyncio.gather(*slow)
    assert (cpu_seconds(process) - before) / EACH < CPU_SECONDS_MAX
    assert {answer for answer, _ in found} == {b"HTTP/1.1 408 Request Timeout\r\n"}
    assert max(seconds for _, seconds in found) < 2.5 * LIMIT_SECONDS


async def test_whoever_waits_beside_them_is_answered_at_once(fleet: Fleet) -> None:
    (process,) = fleet.processes
    slow = [asyncio.create_task(_dripped(process.settings.port, *DRIPS[part])) for part in DRIPS for _ in range(EACH)]
    await asyncio.sleep(0.2)
    async with httpx.AsyncClient(base_url=process.url) as client:
        began = time.monotonic()
        answers = [(await client.get("/health/live")).status_code for _ in range(20)]
    assert (answers, time.monotonic() - began < LIMIT_SECONDS) == ([200] * 20, True)
    await asyncio.gather(*slow)


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
