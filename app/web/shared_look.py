"""One look at something, shared by all who ask at the same time or soon after."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class SharedLook(Generic[Value]):
    """Looks at most once at a time, and passes the answer on for `seconds` after it."""

    def __init__(self, look: Callable[[], Awaitable[Value]], seconds: float) -> None:
        self._look = look
        self._seconds = seconds
        self._looking: asyncio.Task[Value] | None = None
        self._ends_at = 0.0

    async def get(self) -> Value:
        """The answer of the look that runs, or of the last one while it counts, or of a new one."""
        loop = asyncio.get_running_loop()
        if self._looking is None or (self._looking.done() and loop.time() >= self._ends_at):
            self._looking = asyncio.create_task(self._look_once())
        # Whoever asks may leave; the others still wait for the answer.
        return await asyncio.shield(self._looking)

    async def _look_once(self) -> Value:
        try:
            return await self._look()
        finally:
            self._ends_at = asyncio.get_running_loop().time() + self._seconds
