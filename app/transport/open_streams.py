"""The sockets and event streams that are open, so that an orderly stop can end them."""

import asyncio
import random
from typing import Final, Protocol

DRAIN_GRACE_SECONDS: Final = 0.5
DRAIN_POLL_SECONDS: Final = 0.02


class Stream(Protocol):
    """A socket or an event stream."""

    def interrupt(self) -> None:
        """Ask the client to reconnect, and end."""


class OpenStreams:
    """All open streams; once draining has begun, new ones are interrupted at once."""

    def __init__(self) -> None:
        self._streams: set[Stream] = set()
        self._is_draining = False

    def add(self, stream: Stream) -> None:
        """The stream is open until it is removed."""
        self._streams.add(stream)
        if self._is_draining:
            asyncio.get_running_loop().call_soon(stream.interrupt)

    def remove(self, stream: Stream) -> None:
        """The stream has ended."""
        self._streams.discard(stream)

    async def drain(self, seconds: float) -> None:
        """Ask every client to reconnect, at random times within `seconds`, so that they do not all reach the other
        servers at once; returns when all streams have ended, at the latest DRAIN_GRACE_SECONDS later."""
        self._is_draining = True
        loop = asyncio.get_running_loop()
        for stream in self._streams:
            loop.call_later(random.uniform(0, seconds), stream.interrupt)  # noqa: S311 - jitter, not a secret
        give_up_at = loop.time() + seconds + DRAIN_GRACE_SECONDS
        while self._streams and loop.time() < give_up_at:  # noqa: ASYNC110 - a set gives no signal
            await asyncio.sleep(DRAIN_POLL_SECONDS)
