"""Subscriptions over either transport, read alike: by WebSocket and by server-sent events."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from app.db import outbox as outbox_db
from tests.faults.clients import opened
from tests.faults.waiting import all_published, until, until_true
from tests.gateway import Gateway

TRANSPORTS = ("socket", "events")
SILENCE_SECONDS = 0.4


@dataclass(frozen=True)
class Told:
    """One message: `kind` is next, error, complete or closed; of a closed socket the payload is its code."""

    kind: str
    payload: Any = None


class Listener:
    """What one subscription is told, from its beginning; `start` is the first message, where it was read already."""

    start = Told("")

    def __init__(self, messages: AsyncGenerator[Told, None]) -> None:
        self._messages = messages
        self._heard: asyncio.Queue[Told] = asyncio.Queue()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async with contextlib.aclosing(self._messages) as messages:
            async for message in messages:
                self._heard.put_nowait(message)

    async def next(self, seconds: float = 15) -> Told:
        """The next message, whatever it is."""
        async with asyncio.timeout(seconds):
            return await self._heard.get()

    async def payload(self, seconds: float = 15) -> Any:
        """The GraphQL answer of the next event."""
        message = await self.next(seconds)
        assert message.kind == "next", message
        return message.payload

    async def events(self, count: int, field: str = "claimStatusChanged") -> list[Any]:
        """The next events, which have no errors."""
        payloads = [await self.payload() for _ in range(count)]
        assert [payload.get("errors") for payload in payloads] == [None] * count
        return [payload["data"][field] for payload in payloads]

    async def is_silent(self, seconds: float = SILENCE_SECONDS) -> bool:
        """Whether nothing waits and nothing comes for a while."""
        await asyncio.sleep(seconds)
        return self._heard.empty()

    async def stop(self) -> None:
        """Read no more."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)


async def of_socket(socket: ClientConnection) -> AsyncGenerator[Told, None]:
    """The messages of an acknowledged socket, to its end."""
    try:
        while True:
            message = json.loads(await socket.recv())
            yield Told(message["type"], message.get("payload"))
    except ConnectionClosed as closed:
        yield Told("closed", closed.rcvd.code if closed.rcvd else None)


async def of_events(response: httpx.Response) -> AsyncGenerator[Told, None]:
    """The messages of an event stream, to its end."""
    kind = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data:"):
            text = line.removeprefix("data:")
            yield Told(kind, json.loads(text) if text.strip() else None)


@contextlib.asynccontextmanager
async def asked(gateway: Gateway, token: str, body: dict[str, Any], over: str) -> AsyncIterator[Listener]:
    """A subscription that was asked for, whether or not it is granted."""
    async with contextlib.AsyncExitStack() as stack:
        if over == "socket":
            socket = await stack.enter_async_context(opened(gateway.url, token))
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": body}))
            listener = Listener(of_socket(socket))
        else:
            headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
            stream = gateway.client.stream("POST", "/graphql", json=body, headers=headers)
            listener = Listener(of_events(await stack.enter_async_context(stream)))
        stack.push_async_callback(listener.stop)
        yield listener


@contextlib.asynccontextmanager
async def listening(
    gateway: Gateway, token: str, query: str, *, over: str = "socket", **variables: Any
) -> AsyncIterator[Listener]:
    """A live subscription whose first message was read: whatever happens inside the block is told, and of what was
    before only the asked-for."""
    hub = gateway.parts.hub
    before = hub.subscribers
    async with asked(gateway, token, {"query": query, "variables": variables}, over) as listener:
        await until(lambda: hub.subscribers > before, seconds=10)
        listener.start = await listener.next()
        yield listener
    await until(lambda: hub.subscribers <= before, seconds=10)


async def no_listener(gateway: Gateway) -> int:
    """Wait until those of earlier tests, whose connections close in their own time, have left; the number left, 0."""
    await until(lambda: gateway.parts.hub.subscribers == 0, seconds=10)
    return 0


async def told_all(gateway: Gateway) -> None:
    """Wait until the hub has told all that has happened: only later events are news to a new subscriber."""

    async def is_at_the_end() -> bool:
        async with gateway.database.reading() as connection:
            return gateway.parts.hub.last_position == (await outbox_db.log_range(connection)).last

    await all_published(gateway.database)
    await until_true(is_at_the_end)
