"""Callers of one process with the same idempotency key wait for each other before they take a connection.

Without that each waiting caller would occupy a connection, and a refused first call would leave the others to deadlock
on the gap lock of its key. Between processes the database makes callers wait, and the runner retries.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class KeyedLocks:
    """One lock per key, which exists while somebody has it or waits for it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[tuple[str, ...], asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def held(self, *key: str) -> AsyncIterator[None]:
        """Wait for the key's lock, and hold it until the block ends."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        async with lock:
            yield
