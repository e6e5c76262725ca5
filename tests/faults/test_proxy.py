"""The proxy does to connections what it says, and nothing else."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from tests.faults.proxy import Proxy

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
        assert 0.2 <= time.monotonic() - began < 1
        proxy.delay(0)
        assert await _said(pipe, b"two") == b"two"
