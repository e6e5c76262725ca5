"""Ending tasks for certain: they are cancelled until they end.

Before Python 3.12 `asyncio.wait_for` loses a cancellation that comes in the moment in which its result does
(cpython#86296), and libraries use it, the drivers of MySQL to connect and redis-py to send. One `cancel()` is therefore
not enough: it is repeated.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog

REPEAT_SECONDS: Final = 0.1
REPEAT_SECONDS_MAX: Final = 2.0
ENDING_SECONDS_MAX: Final = 10.0
_log = structlog.get_logger("billing.tasks")


def end(task: asyncio.Task[Any], *, pause: float = REPEAT_SECONDS) -> None:
    """Cancel the task now, and again after pauses until it has ended. Nobody needs to wait for that."""
    if not task.done():
        task.cancel()
        later = min(2 * pause, REPEAT_SECONDS_MAX)
        asyncio.get_running_loop().call_later(pause, lambda: end(task, pause=later))


async def ended(tasks: Collection[asyncio.Task[Any]]) -> None:
    """End the tasks and wait until they have, for ten seconds at most; one that has not is reported in the log."""
    for task in tasks:
        end(task)
    if tasks:
        _, still_running = await asyncio.wait(tasks, timeout=ENDING_SECONDS_MAX)
        for task in still_running:
            _log.error("task_not_ended", task=task.get_name(), effect="it is cancelled again until it ends")


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let `work` run while the block does, and end it then."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await ended([task])
