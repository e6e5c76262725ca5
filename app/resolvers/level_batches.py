"""Dataloaders whose batches wait for turns, so that a level stays one statement however long it is.

A batch has one future for each caller: graphql-core asks for one key after the other and gets a future of each, a plan
asks for all keys of a level and gets one. A future of each key costs more than to read its row.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

from strawberry.dataloader import DataLoader

from app.transport.work import Work

K = TypeVar("K")
T = TypeVar("T")
# A longer IN list takes milliseconds to build and to read, and nobody else is served meanwhile.
BATCH_MAX: Final = 500


class _Batch(Generic[K, T]):
    """Keys that are read together; `found` has their values when they are there, and errors in place of values.

    `waiting` has the futures of those who wait for it, each with what is called when it is done. Given up is a batch
    for which nobody waits any more.
    """

    def __init__(self) -> None:
        self.keys: dict[K, None] = {}
        self.found: dict[K, Any] | None = None
        self.is_open = True
        self.is_given_up = False
        self.waiting: list[tuple[asyncio.Future[Any], Callable[[], None]]] = []
        self.task: asyncio.Task[None] | None = None

    def wait(self, future: asyncio.Future[Any], done: Callable[[], None]) -> None:
        """Call `done` with the values there, unless the future is cancelled before."""
        self.waiting.append((future, done))
        future.add_done_callback(self._left)

    def _left(self, future: asyncio.Future[Any]) -> None:
        # What nobody waits for must not go on after its operation.
        if future.cancelled() and self.task is not None and all(each.cancelled() for each, _ in self.waiting):
            self.is_open, self.is_given_up = False, True
            self.task.cancel()

    def finish(self, found: dict[K, Any]) -> None:
        """Tell those who still wait."""
        self.found = found
        for future, done in self.waiting:
            if not future.done():
                done()
        self.waiting.clear()

    def cancel(self) -> None:
        """Tell those who still wait that there will be no values."""
        waiting, self.waiting = self.waiting, []
        for future, _ in waiting:
            future.cancel()


class Loader(DataLoader[K, T]):
    """A dataloader that reads what all objects of a level ask for, also where these take several turns (`Work`)."""

    def __init__(self, load: Callable[[list[K]], Awaitable[Sequence[T]]], work: Work) -> None:
        super().__init__(load_fn=load, max_batch_size=BATCH_MAX, cache=False)
        self._work = work
        self._batches: dict[K, _Batch[K, T]] = {}
        self._last: _Batch[K, T] | None = None

    def load(self, key: K) -> Awaitable[T]:
        """The value of the key, with the next batch. Whoever asks has a future of their own: graphql-core cancels the
        fields beside one that fails, and others may wait for the same key."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        batch = self._batch_of(key)

        def done() -> None:
            value = (batch.found or {})[key]
            if isinstance(value, BaseException):
                future.set_exception(value)
            else:
                future.set_result(value)

        if batch.found is None:
            batch.wait(future, done)
        else:
            done()
        return future

    def load_level(self, keys: Sequence[K]) -> asyncio.Future[list[Any]]:
        """The values of all keys with the next batch, in their order; an error in place of a value that has one."""
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        found = [self._batch_of(key) for key in keys]
        left = [each for each in dict.fromkeys(found) if each.found is None]

        def done() -> None:
            if all(each.found is not None for each in left):
                future.set_result([(batch.found or {})[key] for batch, key in zip(found, keys, strict=True)])

        for each in left:
            each.wait(future, done)
        if not left:
            done()
        return future

    async def load_many(self, keys: Iterable[K]) -> list[T]:
        """The values of the keys; the first error among them is raised."""
        values = await self.load_level(list(keys))
        for each in values:
            if isinstance(each, BaseException):
                raise each
        return values

    def _batch_of(self, key: K) -> _Batch[K, T]:
        """The batch that has the key, or is going to read it."""
        found = self._batches.get(key)
        if found is not None and not found.is_given_up:
            return found
        batch = self._last
        if batch is None or not batch.is_open or len(batch.keys) >= BATCH_MAX:
            batch = self._last = _Batch()
            batch.task = asyncio.get_running_loop().create_task(self._dispatch(batch))
        batch.keys[key] = None
        self._batches[key] = batch
        return batch

    async def _dispatch(self, batch: _Batch[K, T]) -> None:
        try:
            # For keys that are a step behind, as the base class does.
            await asyncio.sleep(0)
            await self._work.settled()
            batch.is_open = False
            batch.finish(await self._read(list(batch.keys)))
        except asyncio.CancelledError as error:
            batch.cancel()
            # The task keeps the error, whose frames have the batch: all of it would stay until a garbage collection.
            batch.task = None
            raise error.with_traceback(None) from None

    async def _read(self, keys: list[K]) -> dict[K, Any]:
        try:
            return dict(zip(keys, await self.load_fn(keys), strict=True))
        except Exception as error:  # noqa: BLE001 - it is the error of each who waits
            return dict.fromkeys(keys, error)
