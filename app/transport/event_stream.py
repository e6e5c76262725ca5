"""A response that is a stream of answers, as server-sent events or in parts."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Final

from starlette.types import Message, Receive, Scope, Send

from app.tasks.ending import ended
from app.transport.answers import Answer
from app.transport.at_once import Write, writer
from app.transport.begun import within
from app.transport.deadlines import Deadline, disconnected
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
        self._timer: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None

    def interrupt(self) -> None:
        """End the connection, so that the client connects again."""
        self._is_interrupted = True
        self._deadline.expire()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the answers end, the client disconnects or stops reading, or the token expires."""
        try:
            headers = [(b"content-type", self._framing.content_type), *_HEADERS]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            if self._framing.start:
                await _send_chunk(send, self._framing.start)
            async with aclosing(self._answers):
                is_complete = await self._send_answers(receive, send, writer(scope))
            if is_complete:
                await _send_chunk(send, self._framing.end, more=False)
            elif self._is_interrupted:
                # npm graphql-sse waits for ever if the end arrives together with an event.
                await asyncio.sleep(PAUSE_BEFORE_END_SECONDS)
                await _send_chunk(send, b"", more=False)
        finally:
            self._release()

    async def _send_answers(self, receive: Receive, send: Send, write: Write) -> bool:
        """Whether the stream is complete, and the client is still there to be told so.

        This task waits for the client to go, and another one sends: from its waiting to the socket is a short way,
        which every event of thousands of streams goes, where this task is within all middleware.
        """
        deadline = self._deadline
        sending = asyncio.create_task(self._send_all(send, write))
        sending.add_done_callback(lambda _: deadline.expire())
        self._schedule_heartbeat(send)
        try:
            async with deadline:
                await disconnected(receive)
        except TimeoutError:
            if sending.done() and not sending.cancelled():
                return _is_sent(sending)
            if deadline.is_early:
                return False
        else:
            return False
        finally:
            await self._end(sending)
        if not self._framing.tells_expiry:
            self._is_interrupted = True
            return False
        expired = Answer.refused(Unauthenticated("the token has expired"))
        await _send_chunk(send, self._framing.answer(expired))
        return True

    async def _send_all(self, send: Send, write: Write) -> None:
        async for answer in self._answers:
            chunk = self._framing.answer(answer)
            if not write(chunk):
                await _send_chunk(send, chunk)

    async def _end(self, sending: asyncio.Task[None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await ended([task for task in (sending, self._beating) if task is not None and not task.done()])

    def _schedule_heartbeat(self, send: Send) -> None:
        self._timer = asyncio.get_running_loop().call_later(HEARTBEAT_SECONDS, self._beat, send)

    def _beat(self, send: Send) -> None:
        """Send something every 12 s; a client that does not read it counts as disconnected."""
        self._beating = asyncio.create_task(self._send_heartbeat(send))
        self._schedule_heartbeat(send)

    async def _send_heartbeat(self, send: Send) -> None:
        try:
            await _send_chunk(send, self._framing.heartbeat)
        except (TimeoutError, OSError):
            self._deadline.expire()


def _is_sent(sending: asyncio.Task[None]) -> bool:
    """Whether all was sent; False for a client that did not read it in time."""
    try:
        sending.result()
    except TimeoutError:
        return False
    return True


async def _send_chunk(send: Send, chunk: bytes, *, more: bool = True) -> None:
    await within(SEND_SECONDS_MAX, _sent(send, {"type": "http.response.body", "body": chunk, "more_body": more}))


async def _sent(send: Send, message: Message) -> None:
    await send(message)
