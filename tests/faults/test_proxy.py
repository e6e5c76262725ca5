"""The proxy does to connections what it says, and nothing else."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from tests.faults.proxy import Proxy
from tests.figures import assert_within

Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def _echo() -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1000):
                writer.write(data)
                await writer.drain()
        writer.transport.abort()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    async with _echo() as port, Proxy(port) as found:
        yield found


@contextlib.asynccontextmanager
async def _connected(proxy: Proxy) -> AsyncIterator[Pipe]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _said(pipe: Pipe, text: bytes, seconds: float = 2) -> bytes:
    pipe[1].write(text)
    async with asyncio.timeout(seconds):
        return await pipe[0].read(100)


async def test_it_passes_bytes_until_told_otherwise(proxy: Proxy) -> None:
    async with _connected(proxy) as pipe:
        assert await _said(pipe, b"one") == b"one"
        assert proxy.connections == 1


async def test_a_cut_resets_what_is_open_and_takes_what_is_new(proxy: Proxy) -> None:
    async with _connected(proxy) as pipe, _connected(proxy) as other:
        assert await _said(pipe, b"one") == b"one"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            await _said(pipe, b"two")
        del other
    async with _connected(proxy) as pipe:
        assert await _said(pipe, b"three") == b"three"


async def test_while_it_refuses_nobody_gets_through(proxy: Proxy) -> None:
    proxy.refuse()
    async with _connected(proxy) as pipe:
        with pytest.raises(ConnectionResetError):
            await _said(pipe, b"one")
    proxy.accept()
    async with _connected(proxy) as pipe:
        assert await _said(pipe, b"two") == b"two"


async def test_a_black_hole_keeps_connections_and_gives_nothing_back(proxy: Proxy) -> None:
    async with _connected(proxy) as pipe:
        assert await _said(pipe, b"one") == b"one"
        proxy.blackhole()
        with pytest.raises(TimeoutError):
            await _said(pipe, b"two", seconds=0.3)
        async with _connected(proxy) as new:
            with pytest.raises(TimeoutError):
                await _said(new, b"three", seconds=0.3)
            proxy.restore()
            with pytest.raises(ConnectionResetError):
                await _said(new, b"four")
        with pytest.raises(ConnectionResetError):
            await _said(pipe, b"five")
    async with _connected(proxy) as pipe:
        assert await _said(pipe, b"six") == b"six"


async def test_a_delay_holds_each_way_back_that_long(proxy: Proxy) -> None:
    async with _connected(proxy) as pipe:
        proxy.delay(0.1)
        began = time.monotonic()
        assert await _said(pipe, b"one") == b"one"
        took = time.monotonic() - began
        assert took >= 0.2
        assert_within(1, took=took)
        proxy.delay(0)
        assert await _said(pipe, b"two") == b"two"


async def test_each_of_many_chunks_is_as_late_as_the_first(proxy: Proxy) -> None:
    # Other work on the machine can only make it worse, so there are three tries.
    for _ in range(3):
        late = await _delays_of_five(proxy)
        if max(late) < 0.8:
            break
    # A chunk that waited for the one before it, and then as long again, would be 0.9 s late.
    assert 0.59 <= min(late) <= max(late) < 0.8, late


async def _delays_of_five(proxy: Proxy) -> list[float]:
    async with _connected(proxy) as (reader, writer):
        proxy.delay(0.3)
        sent: list[float] = []

        async def send() -> None:
            for _ in range(5):
                sent.append(time.monotonic())
                writer.write(b"x")
                await asyncio.sleep(0.02)

        sending = asyncio.create_task(send())
        arrived: list[float] = []
        async with asyncio.timeout(5):
            while len(arrived) < 5:
                data = await reader.read(10)
                arrived += [time.monotonic()] * len(data)
        await sending
    return [there - here for here, there in zip(sent, arrived, strict=True)]


async def test_an_end_is_passed_on_with_all_that_came_before_it() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.read(-1)
        writer.write(asked * 1_000_000)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with Proxy(server.sockets[0].getsockname()[1]) as proxy, _connected(proxy) as (reader, writer):
        writer.write(b"abc")
        writer.write_eof()
        await asyncio.sleep(0.5)
        async with asyncio.timeout(5):
            assert len(await reader.read(-1)) == 3_000_000
    server.close()


async def test_a_chunk_that_waits_when_a_black_hole_begins_never_arrives(proxy: Proxy) -> None:
    async with _connected(proxy) as (reader, writer):
        proxy.delay(0.3)
        writer.write(b"one")
        await asyncio.sleep(0.1)
        proxy.blackhole()
        await asyncio.sleep(0.4)
        proxy.restore()
        with pytest.raises(ConnectionResetError):
            await reader.read(10)


async def test_a_black_hole_does_not_show_that_nobody_is_behind_it(unused_tcp_port: int) -> None:
    async with Proxy(unused_tcp_port) as proxy:
        proxy.blackhole()
        async with _connected(proxy) as pipe:
            with pytest.raises(TimeoutError):
                await _said(pipe, b"one", seconds=0.3)


async def test_nothing_of_it_stays_behind_when_it_ends() -> None:
    before = asyncio.all_tasks()
    async with _echo() as port:
        async with Proxy(port) as proxy, _connected(proxy) as pipe:
            proxy.delay(30)
            pipe[1].write(b"one")
            await asyncio.sleep(0.1)
        left = [str(task.get_coro()) for task in asyncio.all_tasks() - before]
    assert [each for each in left if "Proxy" in each or "_Link" in each] == []
