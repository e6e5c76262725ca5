"""Turns by aggregate: few callers of one process wait in the database for the same claim or invoice.

A row that is locked, by a slow change or by a gateway that is gone, would otherwise take one connection for each caller
who wants it, and with the last connection every other change would wait too. The others wait here, without one.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final
from weakref import WeakValueDictionary

from app.db.engine import DatabaseUnavailable

AT_ONCE: Final = 2
"""One works, and the next is at the lock already when it commits."""
WAITING_MAX: Final = 200
"""More callers than this for one aggregate are refused at once: their turn would come too late."""


class _Turns:
    def __init__(self) -> None:
        self.free = asyncio.Semaphore(AT_ONCE)
        self.waiting = 0


class AggregateTurns:
    """At most two callers at a time for each aggregate; `timeout_seconds` is how long the others wait."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._turns: WeakValueDictionary[str, _Turns] = WeakValueDictionary()

    @asynccontextmanager
    async def taken(self, aggregates: Sequence[str]) -> AsyncIterator[None]:
        """Wait for a turn at each of the aggregates, and give it back with the block; DatabaseUnavailable if it does
        not come in time."""
        async with AsyncExitStack() as stack:
            # In one order for everybody, so that no two callers wait for each other.
            for aggregate in sorted(set(aggregates)):
                await stack.enter_async_context(self._taken(aggregate))
            yield

    @asynccontextmanager
    async def _taken(self, aggregate: str) -> AsyncIterator[None]:
        turns = self._turns.get(aggregate)
        if turns is None:
            turns = self._turns[aggregate] = _Turns()
        await self._wait(turns)
        try:
            yield
        finally:
            turns.free.release()

    async def _wait(self, turns: _Turns) -> None:
        if turns.waiting >= WAITING_MAX:
            raise DatabaseUnavailable
        turns.waiting += 1
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await turns.free.acquire()
        except TimeoutError:
            raise DatabaseUnavailable from None
        finally:
            turns.waiting -= 1
