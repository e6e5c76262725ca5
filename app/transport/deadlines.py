"""Ending an `asyncio.timeout` block before its time, for example because the client has disconnected."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from starlette.types import Receive

# A timer's `when` after `expire_now`. Loops count time from the start of the machine, so no real deadline is 0.
_NOW: Final = 0.0

Disconnected = Callable[[], Awaitable[None]]


async def disconnected(receive: Receive) -> None:
    """Return when the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass


@asynccontextmanager
async def expire_when(timer: asyncio.Timeout, happened: Disconnected | None) -> AsyncIterator[None]:
    """Let the timer expire as soon as `happened` returns."""

    async def watch(wait: Disconnected) -> None:
        await wait()
        expire_now(timer)

    watcher = asyncio.create_task(watch(happened)) if happened else None
    try:
        yield
    finally:
        if watcher:
            watcher.cancel()


def expire_now(timer: asyncio.Timeout) -> None:
    """Let the timer expire at once; nothing happens if it has expired, or its block has ended."""
    with suppress(RuntimeError):
        timer.reschedule(_NOW)


def is_expired_early(timer: asyncio.Timeout) -> bool:
    """Whether the timer expired by `expire_now` and not at its own deadline."""
    return timer.when() == _NOW
