"""A thousand clients that listen, each over a connection of its own, at next to no cost for the test's own process."""

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from tests.faults.processes import Fleet
from tests.hostile.wire import JSON

_AT_ONCE = 50
_SECONDS = 60.0
_UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nhost: g\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: %s\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n" % base64.b64encode(bytes(16))
)


class Client(asyncio.Protocol):
    """A client that counts how often the `mark` of a message came; `at` is when the last one did."""

    def __init__(self, crowd: "Crowd") -> None:
        self._crowd = crowd
        self._rest = b""
        self._has_answered = asyncio.Event()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It can send from now on."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    async def send(self, data: bytes) -> None:
        """Send, and wait for the next answer."""
        self._has_answered.clear()
        self._transport.write(data)
        async with asyncio.timeout(_SECONDS):
            await self._has_answered.wait()

    def leave(self) -> None:
        """End the connection."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Count the marks, also one that came in two pieces."""
        self._has_answered.set()
        text = self._rest + data
        self._crowd.count(text.count(self._crowd.mark))
        self._rest = text[-(len(self._crowd.mark) - 1) :] if not text.endswith(self._crowd.mark) else b""


@dataclass
class Crowd:
    """All clients, and how many marks came to them since the last `heard`."""

    mark: bytes
    size: int
    clients: list[Client] = field(default_factory=list)
    came: int = 0
    _all: asyncio.Event = field(default_factory=asyncio.Event)
    last_at: float = 0.0

    def count(self, marks: int) -> None:
        """Some more came."""
        self.came += marks
        self.last_at = time.perf_counter()
        if self.came >= self.size:
            self._all.set()

    async def heard(self) -> float:
        """Wait until every client has got one more message; when the last one did."""
        async with asyncio.timeout(_SECONDS):
            await self._all.wait()
        assert self.came == self.size
        self.came = 0
        self._all.clear()
        return self.last_at


def _frame(payload: bytes) -> bytes:
    """A client's text frame, masked with zeros."""
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return b"\x81" + size + bytes(4) + payload


def _over_socket(token: str, query: str) -> list[bytes]:
    init = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
    subscribe = {"id": "1", "type": "subscribe", "payload": {"query": query}}
    return [_UPGRADE, _frame(json.dumps(init).encode()) + _frame(json.dumps(subscribe).encode())]


def _over_events(token: str, query: str) -> list[bytes]:
    body = json.dumps({"query": query}).encode()
    head = b"POST /graphql HTTP/1.1\r\nhost: g\r\naccept: text/event-stream\r\nauthorization: Bearer %s\r\n%s"
    return [head % (token.encode(), JSON) + b"content-length: %d\r\n\r\n%s" % (len(body), body)]


@contextlib.asynccontextmanager
async def subscribed(fleet: Fleet, tokens: Sequence[str], query: str, mark: bytes, over: str) -> AsyncIterator[Crowd]:
    """A subscription for each token, over sockets or event streams; `mark` is in every message, the first one too."""
    crowd = Crowd(mark, len(tokens))
    requests = _over_socket if over == "socket" else _over_events
    port, loop = fleet.processes[0].settings.port, asyncio.get_running_loop()

    async def begin(token: str) -> None:
        _, client = await loop.create_connection(lambda: Client(crowd), "127.0.0.1", port)
        crowd.clients.append(client)
        for part in requests(token, query):
            await client.send(part)

    try:
        for first in range(0, len(tokens), _AT_ONCE):
            await asyncio.gather(*map(begin, tokens[first : first + _AT_ONCE]))
        await crowd.heard()
        yield crowd
    finally:
        for client in crowd.clients:
            client.leave()
