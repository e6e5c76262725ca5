"""A TCP proxy that cuts, swallows or delays what goes through it, in the test's own event loop."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

CHUNK = 64 * 1024
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _Link:
    """One client's connection and the one behind it."""

    def __init__(self, proxy: "Proxy", client: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        self._proxy = proxy
        self._reader, self._writer = client
        self._target: asyncio.StreamWriter | None = None
        self.has_lost_bytes = False

    async def serve(self) -> None:
        """Carry bytes in both directions until one side ends."""
        try:
            reader, self._target = await asyncio.open_connection(self._proxy.host, self._proxy.target_port)
        except OSError:
            self.reset()
            return
        ways = [self._carry(self._reader, self._target), self._carry(reader, self._writer)]
        tasks = [asyncio.create_task(way) for way in ways]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.reset()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if self._proxy.is_swallowing:
                    self.has_lost_bytes = True
                    continue
                if self._proxy.delay_seconds:
                    await asyncio.sleep(self._proxy.delay_seconds)
                writer.write(data)
                await writer.drain()
        # While nothing gets through, the end of a connection does not get through either.
        while self._proxy.is_swallowing:
            self.has_lost_bytes = True
            await asyncio.sleep(0.05)

    def reset(self) -> None:
        """Close both connections with RST."""
        for writer in (self._writer, self._target):
            if writer is not None:
                with contextlib.suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                writer.transport.abort()


class Proxy:
    """Listens on `port` (0: any) and passes everything on to the target, until it is told otherwise."""

    def __init__(self, target_port: int, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host, self.target_port, self.port = host, target_port, port
        self.is_swallowing = False
        self.delay_seconds = 0.0
        self._is_refusing = False
        self._links: dict[_Link, asyncio.Task[None]] = {}
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.is_swallowing = False
        if self._server is not None:
            self._server.close()
        tasks = list(self._links.values())
        self.cut()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def connections(self) -> int:
        """How many connections are open through it."""
        return len(self._links)

    def cut(self) -> None:
        """Reset every open connection; new ones are passed."""
        for link in list(self._links):
            link.reset()

    def refuse(self) -> None:
        """Reset every open connection, and every new one at once."""
        self._is_refusing = True
        self.cut()

    def accept(self) -> None:
        """Pass new connections again."""
        self._is_refusing = False

    def blackhole(self) -> None:
        """Swallow all bytes in both directions; connections stay open, and new ones are taken."""
        self.is_swallowing = True

    def restore(self) -> None:
        """Pass bytes again; connections that lost some are reset, since their streams are broken."""
        self.is_swallowing = False
        for link in list(self._links):
            if link.has_lost_bytes:
                link.reset()

    def delay(self, seconds: float) -> None:
        """Let every chunk wait that long, in order and in both directions; 0 ends it."""
        self.delay_seconds = seconds

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(self, (reader, writer))
        if self._is_refusing:
            link.reset()
            return
        await self._tracked(link, link.serve())

    async def _tracked(self, link: _Link, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._links[link] = task
        try:
            await asyncio.wait({task})
        finally:
            self._links.pop(link, None)
