"""A response that is a stream of answers, as server-sent events or in parts."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any, Final

from starlette.types import Message, Receive, Scope, Send

from app.transport.answers import Answer
from app.transport.begun import within
from app.transport.deadlines import Deadline, ExpireWhen, disconnected, ended
from app.transport.errors import Unauthenticated
from app.transport.framings import SERVER_SENT_EVENTS, Framing

HEARTBEAT_SECONDS = 12.0
SEND_SECONDS_MAX = 10.0
PAUSE_BEFORE_END_SECONDS: Final = 0.05
_HEADERS: Final = ((b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no"))


class EventStream:
    """Sends answers, then the end; heartbeats between them keep proxies from closing the connection.

    At a restart the connection stops without the end: clients take that for a broken connection and connect again,
    where they would take an error for the end of the subscription.

    `expires_at` is when the caller's token expires (Unix seconds); `release` is called when the stream has ended.
    """

    def __init__(
        self,
        answers: AsyncGenerator[Any, None],
        expires_at: float | None = None,
        release: Callable[[], None] = lambda: None,
        framing: Framing = SERVER_SENT_EVENTS,
    ) -> None:
        self._answers = answers
        self._framing = framing
        self._release = release
        self._deadline = Deadline(None if expires_at is None else expires_at - time.time())
        self._is_interrupted = False

    def interrupt(self) -> None:
        """End the connection, so that the client connects again."""
        self._is_interrupted = True
        self._deadline.expire()

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the answers end, the client disconnects or stops reading, or the token expires."""
        try:
            headers = [(b"content-type", self._framing.content_type), *_HEADERS]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            if self._framing.start:
                await _send_chunk(send, self._framing.start)
            async with aclosing(self._answers):
                is_complete = await self._send_answers(receive, send)
            if is_complete:
                await _send_chunk(send, self._framing.end, more=False)
            elif self._is_interrupted:
                # npm graphql-sse waits for ever if the end arrives together with an event.
                await asyncio.sleep(PAUSE_BEFORE_END_SECONDS)
                await _send_chunk(send, b"", more=False)
        finally:
            self._release()

    async def _send_answers(self, receive: Receive, send: Send) -> bool:
        """Whether the stream is complete, and the client is still there to be told so."""
        deadline, gone = self._deadline, partial(disconnected, receive)
        try:
            async with deadline, self._heartbeat(send, deadline):
                with ExpireWhen(deadline, gone):
                    async for answer in self._answers:
                        await _send_chunk(send, self._framing.answer(answer))
        except TimeoutError:
            if deadline.is_early or not deadline.is_expired:
                return False
            if not self._framing.tells_expiry:
                self._is_interrupted = True
                return False
            expired = Answer.refused(Unauthenticated("the token has expired"))
            await _send_chunk(send, self._framing.answer(expired))
        return True

    @asynccontextmanager
    async def _heartbeat(self, send: Send, deadline: Deadline) -> AsyncIterator[None]:
        """Send something every 12 s; a client that does not read it counts as disconnected."""

        async def beat() -> None:
            try:
                while True:
                    await asyncio.sleep(HEARTBEAT_SECONDS)
                    await _send_chunk(send, self._framing.heartbeat)
            except (TimeoutError, OSError):
                deadline.expire()

        task = asyncio.create_task(beat())
        try:
            yield
        finally:
            await ended([task])


async def _send_chunk(send: Send, chunk: bytes, *, more: bool = True) -> None:
    await within(SEND_SECONDS_MAX, _sent(send, {"type": "http.response.body", "body": chunk, "more_body": more}))


async def _sent(send: Send, message: Message) -> None:
    await send(message)
