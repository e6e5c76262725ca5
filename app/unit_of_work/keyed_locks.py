"""Callers of one process with the same idempotency key take turns before they reach the database.

Without that, each who waits would hold a connection, and a refused first call would leave the others to deadlock over
the gap that its key leaves behind. Between processes the database itself makes callers wait, and retries.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class KeyedLocks:
    """One lock per key, kept only as long as somebody holds or awaits it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[tuple[str, ...], asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, *key: str) -> AsyncIterator[None]:
        """Wait for the key, and hold it until the block ends."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        async with lock:
            yield
