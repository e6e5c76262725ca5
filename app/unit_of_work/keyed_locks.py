"""Locks by idempotency key: callers of one process with the same key wait before they use a connection.

Otherwise every waiting caller would occupy a connection of the pool, and when the first call is rolled back, the others
would deadlock on the gap lock that its deleted key leaves. Callers of different processes wait in the database, where
the runner retries after a deadlock.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class KeyedLocks:
    """One lock per key, which exists only while it is locked or waited for."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[tuple[str, ...], asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def held(self, *key: str) -> AsyncIterator[None]:
        """Wait for the key's lock, and release it when the block ends."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        async with lock:
            yield
