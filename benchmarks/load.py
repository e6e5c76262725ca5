"""The load: raw connections that each send a request when the answer to the one before has come.

It costs a fraction of what a client library would: on a small machine the load would otherwise be what is measured.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, cast

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKS_END: Final = b"\r\n0\r\n\r\n"
_ERRORS: Final = b'"errors":[{'
_FIRST_ANSWER_SECONDS: Final = 15.0
Requests = Callable[[], bytes]
"""The bytes of the next request."""


def request_bytes(method: str, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """An HTTP request as it is sent."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines += ["content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass
class Tally:
    """What a load has measured: seconds of each good answer, and how many were no good answers."""

    latencies: list[float] = field(default_factory=list)
    failed: int = 0
    seconds: float = 0.0

    def percentile(self, share: float) -> float:
        """The latency in seconds below which this share of the answers was; 0 without answers."""
        found = sorted(self.latencies)
        return found[min(int(share * len(found)), len(found) - 1)] if found else 0.0


@dataclass(frozen=True)
class Reply:
    """An answer: the status and the body."""

    status: int
    body: bytes

    @property
    def is_good(self) -> bool:
        """Whether it has a good status and no errors."""
        return self.status in {200, 201} and _ERRORS not in self.body


class _Connection(asyncio.Protocol):
    """One connection; `on_reply` gets each answer and the connection, `on_lost` an end that nobody asked for."""

    def __init__(self, on_reply: Callable[["_Connection", Reply], None], on_lost: Callable[[], None]) -> None:
        self._on_reply, self._on_lost = on_reply, on_lost
        self._data = bytearray()
        self._transport: asyncio.Transport | None = None
        self._closing = False
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes) -> None:
        """Send one; the answer comes to `on_reply`."""
        self.sent_at = time.perf_counter()
        if self._transport is not None:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        reply = _whole_reply(self._data)
        if reply is not None:
            self._data.clear()
            self._on_reply(self, reply)

    def connection_lost(self, _exc: Exception | None) -> None:
        if not self._closing:
            self._on_lost()

    def close(self) -> None:
        """End it."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()


def _whole_reply(data: bytearray) -> Reply | None:
    """The answer once all of it is there."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    status = int(data[9:12])
    length = _LENGTH.search(data, 0, end + 2)
    body = bytes(data[end + 4 :])
    if length is None:
        return Reply(status, _joined(body)) if data.endswith(_CHUNKS_END) else None
    return Reply(status, body) if len(body) >= int(length[1]) else None


def _joined(chunks: bytes) -> bytes:
    """What was sent in chunks."""
    parts: list[bytes] = []
    place = 0
    while True:
        end = chunks.index(b"\r\n", place)
        size = int(chunks[place:end].partition(b";")[0], 16)
        if not size:
            return b"".join(parts)
        parts.append(chunks[end + 2 : end + 2 + size])
        place = end + size + 4


class Load:
    """A number of connections to one server."""

    def __init__(self, port: int, requests: Requests) -> None:
        self._port, self._requests = port, requests
        self._connections: list[_Connection] = []
        self._tally = Tally()
        self._is_running = False
        self._waiting = 0
        self._quiet = asyncio.Event()

    async def open(self, number: int) -> None:
        """Open so many more connections; OSError."""
        loop = asyncio.get_running_loop()
        for _ in range(number):
            _, made = await loop.create_connection(
                lambda: _Connection(self._replied, self._lost), "127.0.0.1", self._port
            )
            self._connections.append(made)

    async def run(self, seconds: float) -> Tally:
        """Ask on all connections for so long, then wait for the last answers; what was measured."""
        self._tally, self._is_running, self._waiting = Tally(), True, len(self._connections)
        self._quiet.clear()
        began = time.perf_counter()
        for each in self._connections:
            each.send(self._requests())
        await asyncio.sleep(seconds)
        self._is_running = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_ANSWER_SECONDS):
                await self._quiet.wait()
        self._tally.failed += self._waiting
        self._tally.seconds = time.perf_counter() - began
        return self._tally

    def close(self) -> None:
        """End all connections."""
        for each in self._connections:
            each.close()
        self._connections.clear()

    def _replied(self, connection: _Connection, reply: Reply) -> None:
        if reply.is_good:
            self._tally.latencies.append(time.perf_counter() - connection.sent_at)
        else:
            self._tally.failed += 1
        if self._is_running:
            connection.send(self._requests())
        else:
            self._ended()

    def _lost(self) -> None:
        self._tally.failed += 1
        self._ended()

    def _ended(self) -> None:
        self._waiting -= 1
        if self._waiting <= 0:
            self._quiet.set()


async def ask(port: int, request: bytes) -> Reply:
    """One request on a connection of its own; TimeoutError without an answer."""
    answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def replied(_connection: _Connection, reply: Reply) -> None:
        answer.set_result(reply)

    def lost() -> None:
        if not answer.done():
            answer.set_exception(ConnectionResetError("the server closed the connection"))

    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: _Connection(replied, lost), "127.0.0.1", port)
    try:
        connection.send(request)
        async with asyncio.timeout(_FIRST_ANSWER_SECONDS):
            return await answer
    finally:
        connection.close()
