"""A TCP proxy that cuts, swallows or delays what goes through it, in the test's own event loop."""

import asyncio
import contextlib
import socket
import struct
from types import TracebackType
from typing import Any, NamedTuple, Self

CHUNK = 64 * 1024
CHUNKS_WAITING = 16
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _Chunk(NamedTuple):
    """Bytes on their way and when they may arrive; no bytes: the end of one direction."""

    due: float
    data: bytes


class _Link:
    """One client's connection and the one behind it."""

    def __init__(self, proxy: "Proxy", client: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        self._proxy = proxy
        self._reader, self._writer = client
        self._target: asyncio.StreamWriter | None = None
        self.has_lost_bytes = False

    async def serve(self) -> None:
        """Carry bytes in both directions until both sides have ended; an error of one side resets the other."""
        try:
            if self._proxy.is_swallowing:
                await self._swallow()
            await self._join()
        except* OSError:
            pass
        finally:
            self.reset()

    async def _swallow(self) -> None:
        """Take what the client says and answer nothing; the proxy ends it."""
        self.has_lost_bytes = True
        while await self._reader.read(CHUNK):
            pass
        await _for_ever()

    async def _join(self) -> None:
        reader, self._target = await asyncio.open_connection(self._proxy.host, self._proxy.target_port)
        async with asyncio.TaskGroup() as ways:
            ways.create_task(self._carry(self._reader, self._target))
            ways.create_task(self._carry(reader, self._writer, self._proxy.may_answer))
        for writer in (self._target, self._writer):
            writer.close()
            await writer.wait_closed()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event | None = None
    ) -> None:
        waiting: asyncio.Queue[_Chunk] = asyncio.Queue(CHUNKS_WAITING)
        async with asyncio.TaskGroup() as ends:
            ends.create_task(self._take(reader, waiting))
            ends.create_task(self._give(waiting, writer, gate))

    async def _take(self, reader: asyncio.StreamReader, waiting: "asyncio.Queue[_Chunk]") -> None:
        now = asyncio.get_running_loop().time
        while data := await reader.read(CHUNK):
            if self._proxy.is_swallowing:
                self.has_lost_bytes = True
            else:
                await waiting.put(_Chunk(now() + self._proxy.delay_seconds, data))
        await waiting.put(_Chunk(now() + self._proxy.delay_seconds, b""))

    async def _give(
        self, waiting: "asyncio.Queue[_Chunk]", writer: asyncio.StreamWriter, gate: asyncio.Event | None
    ) -> None:
        now = asyncio.get_running_loop().time
        while True:
            chunk = await waiting.get()
            await asyncio.sleep(chunk.due - now())
            if gate is not None:
                await gate.wait()
            if self._proxy.is_swallowing:
                self.has_lost_bytes = True
                if not chunk.data:  # while nothing gets through, the end of a connection does not get through either
                    await _for_ever()
            elif not chunk.data:
                writer.write_eof()
                return
            else:
                writer.write(chunk.data)
                await writer.drain()

    def reset(self) -> None:
        """Close both connections with RST."""
        for writer in (self._writer, self._target):
            if writer is not None:
                with contextlib.suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                writer.transport.abort()


async def _for_ever() -> None:
    """Wait until the proxy cancels the connection."""
    await asyncio.get_running_loop().create_future()


class Proxy:
    """Listens on `port` (0: any) and passes everything on to the target, until it is told otherwise."""

    def __init__(self, target_port: int, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host, self.target_port, self.port = host, target_port, port
        self.is_swallowing = False
        self.delay_seconds = 0.0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._is_refusing = False
        self._links: dict[_Link, asyncio.Task[Any] | None] = {}
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.is_swallowing = False
        ending = [task for task in self._links.values() if task is not None]
        self.refuse()  # also what is accepted from now on
        await asyncio.gather(*ending, return_exceptions=True)
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def connections(self) -> int:
        """How many connections are open through it."""
        return len(self._links)

    def cut(self) -> None:
        """Reset every open connection; new ones are passed."""
        for link in list(self._links):
            self._end(link)

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
                self._end(link)

    def delay(self, seconds: float) -> None:
        """Let every chunk wait that long, in order and in both directions; 0 ends it."""
        self.delay_seconds = seconds

    def hold_answers(self) -> None:
        """Pass what clients say, and let what the target answers wait; `may_answer.set()` ends it."""
        self.may_answer.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(self, (reader, writer))
        if self._is_refusing:
            link.reset()
            return
        self._links[link] = asyncio.current_task()
        try:
            await link.serve()
        finally:
            del self._links[link]

    def _end(self, link: _Link) -> None:
        link.reset()
        task = self._links[link]
        if task is not None:
            task.cancel()
