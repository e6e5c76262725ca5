"""Deadlines that end their block for certain, and can be brought forward (`app/tasks/ending.py` says why)."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from starlette.types import Receive

from app.tasks.ending import REPEAT_SECONDS, REPEAT_SECONDS_MAX, end

Disconnected = Callable[[], Awaitable[None]]


class Deadline:
    """A block that ends with TimeoutError after `seconds` (None for never), or as soon as `expire` is called.

    Like `asyncio.timeout`, but the cancellation is repeated until the block ends, unless `is_repeated` is false: for
    work that finishes something when it is cancelled, which a second cancellation would interrupt.
    """

    def __init__(self, seconds: float | None, *, is_repeated: bool = True) -> None:
        self._seconds = seconds
        self._is_repeated = is_repeated
        self._task: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._cancellations = 0
        self._cancellations_before = 0
        self.is_early = False

    @property
    def is_expired(self) -> bool:
        """Whether the block was ended by the deadline, or is being ended."""
        return self._cancellations > 0

    def expire(self) -> None:
        """End the block at once: `is_early` is then true. Before the block begins it ends at its first await; a block
        that has ended, or is expired, is left alone."""
        if not self.is_expired:
            self.is_early = True
            self.reschedule(0)

    def reschedule(self, seconds: float | None) -> None:
        """Let the block end so many seconds from now instead; None for never."""
        self._seconds = seconds
        if self._task is not None and not self.is_expired:
            self._schedule(seconds)

    async def __aenter__(self) -> Self:
        self._task = asyncio.current_task()
        if self._task is None:
            raise RuntimeError("use a deadline inside a task")
        self._cancellations_before = self._task.cancelling()
        self._schedule(self._seconds)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        self._schedule(None)
        if task is None or not self.is_expired:
            return
        for _ in range(self._cancellations):
            task.uncancel()
        if task.cancelling() <= self._cancellations_before and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _schedule(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else asyncio.get_running_loop().call_later(max(seconds, 0), self._cancel)

    def _cancel(self) -> None:
        if self._task is None:
            return
        pause = min(REPEAT_SECONDS * 2**self._cancellations, REPEAT_SECONDS_MAX)
        self._cancellations += 1
        self._task.cancel()
        self._schedule(pause if self._is_repeated else None)


async def disconnected(receive: Receive) -> None:
    """Return when the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass


class ExpireWhen:
    """A block in which the deadline expires as soon as `happened` returns; None never does.

    It is called after so many seconds: for a short block the task that waits for it would be a large part of the work.
    """

    def __init__(self, deadline: Deadline, happened: Disconnected | None, *, after_seconds: float = 0.0) -> None:
        self._deadline = deadline
        self._happened = happened
        self._after_seconds = after_seconds
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        if self._happened is not None:
            self._timer = asyncio.get_running_loop().call_later(self._after_seconds, self._start, self._happened)

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._watcher is not None:
            end(self._watcher)
        # A timer that was called keeps what it called, and so this block.
        self._timer = self._watcher = None

    def _start(self, happened: Disconnected) -> None:
        self._watcher = asyncio.create_task(self._watch(happened))

    async def _watch(self, happened: Disconnected) -> None:
        await happened()
        self._deadline.expire()
