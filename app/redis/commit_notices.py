"""Notices of commits: who has written an event tells the relay, which is in one of the processes, through Redis.

A notice is a hint and holds nothing. One that is lost costs time, never an event: the relay looks at the outbox by
itself every two seconds, and twice a second while it is not subscribed.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from redis.asyncio import Redis

from app.redis.cache import UNAVAILABLE
from app.tasks.ending import beside

GAP_SECONDS: Final = 0.02
"""A process sends one notice for all commits of this time."""
RETRY_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 5.0
"""How often a subscriber looks whether the database is another one now; after a silence so long it asks for a sign of
Redis, for as long again: without it, a connection that is cut off in the network would count as heard for minutes."""
SILENT: Final = "Redis does not answer"


class CommitNotices:
    """Sends and receives notices over one Redis; `run` sends, and `heard` receives.

    `database` is the database's incarnation: others share the Redis. `failed` gets each error, and `succeeded` is
    called when a notice was sent or heard.
    """

    def __init__(
        self,
        redis: Redis,
        database: Callable[[], str | None],
        *,
        failed: Callable[[BaseException], None],
        succeeded: Callable[[], None],
    ) -> None:
        self._redis = redis
        self._database = database
        self._failed = failed
        self._succeeded = succeeded
        self._committed = asyncio.Event()
        self._subscribed: str | None = None

    @property
    def is_heard(self) -> bool:
        """Whether this process is subscribed to the notices of its database."""
        return self._subscribed is not None and self._subscribed == self._channel

    @property
    def _channel(self) -> str | None:
        database = self._database()
        return None if database is None else f"outbox:{database}"

    def committed(self) -> None:
        """Send a notice, soon."""
        self._committed.set()

    async def run(self) -> None:
        """Send notices of commits, until its task is cancelled. What is not sent, the relay finds by itself."""
        while True:
            await self._committed.wait()
            self._committed.clear()
            channel = self._channel
            try:
                if channel is not None:
                    await self._redis.publish(channel, b"")
            except UNAVAILABLE as error:
                self._failed(error)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._succeeded()
                await asyncio.sleep(GAP_SECONDS)

    def heard(self, wake: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """Call `wake` for each notice while the block runs, and once for those that may have been missed before."""
        return beside(self._listen(wake))

    async def _listen(self, wake: Callable[[], None]) -> None:
        while True:
            try:
                await self._receive(wake)
            except UNAVAILABLE as error:
                self._failed(error)
            await asyncio.sleep(RETRY_SECONDS)

    async def _receive(self, wake: Callable[[], None]) -> None:
        """Until the connection fails or the database is another one, whose notices have a channel of their own."""
        channel = self._channel
        if channel is None:
            return
        try:
            async with self._redis.pubsub() as messages:
                await messages.subscribe(channel)
                is_asked = False
                while channel == self._channel:
                    message = await messages.get_message(timeout=LOOK_SECONDS)
                    if message is None and is_asked:
                        raise ConnectionError(SILENT)
                    is_asked = message is None
                    if message is None:
                        await messages.ping()
                    elif message["type"] != "pong":
                        # The first one says that the subscription has begun.
                        self._subscribed = channel
                        self._succeeded()
                        wake()
        finally:
            self._subscribed = None
