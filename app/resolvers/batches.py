"""Dataloaders whose batches wait for turns, so that a level stays one statement however long it is."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from strawberry.dataloader import Batch, DataLoader, dispatch_batch

from app.transport.work import Work

K = TypeVar("K")
T = TypeVar("T")
# A longer IN list takes milliseconds to build and to read, and nobody else is served meanwhile.
BATCH_MAX: Final = 500


class Loader(DataLoader[K, T]):
    """A dataloader that reads what all objects of a level ask for, also where these take several turns (`Work`)."""

    def __init__(self, load: Callable[[list[K]], Awaitable[Sequence[T]]], work: Work) -> None:
        super().__init__(load_fn=load, max_batch_size=BATCH_MAX)
        self._work = work

    def load(self, key: K) -> Awaitable[T]:
        """The value of the key, with the next batch."""
        found = self.cache_map.get(key)
        if found is not None and not found.cancelled():
            return found
        future: asyncio.Future[T] = self.loop.create_future()
        self.cache_map.set(key, future)
        self._open_batch().add_task(key, future)
        return future

    def _open_batch(self) -> Batch[K, T]:
        batch = self.batch
        if batch is None or batch.dispatched or len(batch) >= BATCH_MAX:
            batch = self.batch = Batch()
            batch._dispatch_task = asyncio.ensure_future(self._dispatch(batch))  # noqa: SLF001 - as the base class does
        return batch

    async def _dispatch(self, batch: Batch[K, T]) -> None:
        # The base class waits for one round of the event loop too, for keys that are a step behind.
        await asyncio.sleep(0)
        await self._work.settled()
        await dispatch_batch(self, batch)
