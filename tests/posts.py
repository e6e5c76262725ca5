"""A client for the request that nearly all tests send: a POST of JSON to one gateway, over connections that stay open.

Nothing but that. httpx, which has everything, takes as much processor time for one as the gateway does.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httptools
import httpx

SECONDS: Final = 30.0
CONNECTIONS_MAX: Final = 100
IDLE_SECONDS: Final = 2.0
"""The server closes a connection that was idle for five: a client that used one then might just be too late."""


@dataclass(frozen=True)
class Reply:
    """What the gateway answered."""

    status: int
    headers: httpx.Headers
    content: bytes


class _Connection(asyncio.Protocol):
    """One connection, for one request at a time."""

    def __init__(self) -> None:
        self.is_open = True
        self.idle_since = 0.0
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._reply: asyncio.Future[Reply] | None = None
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    async def send(self, request: bytes) -> Reply:
        """The reply; ConnectionError if the server closes instead."""
        self._headers, self._body = [], []
        self._parser = httptools.HttpResponseParser(self)
        self._reply = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._reply

    def close(self) -> None:
        """Let it go, whatever it waits for."""
        self.is_open = False
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error or ConnectionResetError("the gateway closed the connection"))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.close()
        if self._reply is not None and not self._reply.done():
            reply = Reply(self._parser.get_status_code(), httpx.Headers(self._headers), b"".join(self._body))
            self._reply.set_result(reply)


class Posts:
    """The connections to one gateway, at most CONNECTIONS_MAX at a time; `url` is http://host:port."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._host, self._port = address.hostname or "", address.port or 80
        self._headers = {"host": address.netloc, "accept": "*/*", "content-type": "application/json"}
        self._idle: list[_Connection] = []
        self._free = asyncio.Semaphore(CONNECTIONS_MAX)

    async def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """The reply to these bytes of JSON; TimeoutError after SECONDS, ConnectionError without a gateway."""
        sent = {**self._headers, "content-length": str(len(body)), **headers}
        lines = [f"POST {path} HTTP/1.1", *[f"{name}: {value}" for name, value in sent.items()], "\r\n"]
        async with self._free, asyncio.timeout(SECONDS):
            connection = self._kept() or await self._opened()
            try:
                reply = await connection.send("\r\n".join(lines).encode("ascii") + body)
            except BaseException:
                connection.close()
                raise
        if connection.is_open:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        return reply

    def _kept(self) -> _Connection | None:
        """The connection that was used last, if it may be used again."""
        oldest = asyncio.get_running_loop().time() - IDLE_SECONDS
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and connection.idle_since > oldest:
                return connection
            connection.close()
        return None

    async def _opened(self) -> _Connection:
        loop = asyncio.get_running_loop()
        return (await loop.create_connection(_Connection, self._host, self._port))[1]

    def close(self) -> None:
        """Close all that are idle."""
        while self._idle:
            self._idle.pop().close()
