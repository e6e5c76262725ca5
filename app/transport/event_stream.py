"""A response that is a stream of server-sent events (graphql-sse, distinct connections)."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial

from starlette.types import Receive, Scope, Send

from app.transport.errors import Answer, Refused, Restarting, Unauthenticated
from app.transport.operations import end_now, ended_by, has_gone

HEARTBEAT_SECONDS = 12.0
SEND_SECONDS_MAX = 10.0


class EventStream:
    """The response of a stream: `next` events, then `complete`; comments between them keep proxies from closing it."""

    def __init__(
        self,
        answers: AsyncGenerator[Answer, None],
        expires_at: float | None = None,
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        self.leave = leave
        self._answers = answers
        self._seconds_left = None if expires_at is None else expires_at - time.time()
        self._timer: asyncio.Timeout | None = None
        self._is_interrupted = False

    def interrupt(self) -> None:
        """End the stream with an error that asks the client to subscribe again."""
        self._is_interrupted = True
        if self._timer is not None:
            end_now(self._timer)

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the answers end, the client goes or stops reading, or the token expires."""
        await send({"type": "http.response.start", "status": 200, "headers": _EVENT_HEADERS})
        gone = partial(disconnected, receive)
        async with aclosing(self._answers) as answers:
            try:
                async with asyncio.timeout(self._seconds_left) as timer, ended_by(timer, gone), _heartbeat(send, timer):
                    self._timer = timer
                    if self._is_interrupted:
                        end_now(timer)
                    async for answer in answers:
                        await _send_event(send, answer)
            except TimeoutError:
                if not self._is_interrupted and (has_gone(timer) or not timer.expired()):
                    return
                await _send_event(send, Answer.refused(self._end()))
            await _send_chunk(send, b"event: complete\ndata:\n\n", more=False)

    def _end(self) -> Refused:
        if self._is_interrupted:
            return Restarting()
        return Unauthenticated("the token has expired")


_EVENT_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


async def _send_event(send: Send, answer: Answer) -> None:
    await _send_chunk(send, b"event: next\ndata: " + answer.body + b"\n\n")


async def _send_chunk(send: Send, chunk: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(SEND_SECONDS_MAX):
        await send({"type": "http.response.body", "body": chunk, "more_body": more})


@asynccontextmanager
async def _heartbeat(send: Send, timer: asyncio.Timeout) -> AsyncIterator[None]:
    """A comment every 12 s; a client that does not take it has gone."""

    async def beat() -> None:
        try:
            while True:
                await asyncio.sleep(HEARTBEAT_SECONDS)
                await _send_chunk(send, b":\n\n")
        except (TimeoutError, OSError):
            end_now(timer)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def disconnected(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
