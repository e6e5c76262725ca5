"""Background loops that survive every failure and end only by cancellation."""

import asyncio
from collections.abc import Awaitable, Callable


def is_being_cancelled() -> bool:
    """Whether the running task was cancelled.

    A CancelledError alone does not say so: aiokafka also raises it out of its own internal tasks, and a loop that
    believed it would stop for good while the process goes on.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def end_if_cancelled(error: BaseException | None = None) -> None:
    """CancelledError if the running task was cancelled, whatever came out of it.

    To clean up on the way out, for example to roll back on a connection that is lost, may fail, and then that error is
    all that is left; and a library may lose the cancellation (`app/tasks/ending.py`).
    """
    if is_being_cancelled():
        raise asyncio.CancelledError from error


async def forever(
    work: Callable[[], Awaitable[None]], *, failed: Callable[[BaseException], None], pause_seconds: float
) -> None:
    """Run `work` again and again with a pause in between, whatever it raises; `failed` gets each error.

    Ends only when its task is cancelled.
    """
    while True:
        try:
            await work()
        except (asyncio.CancelledError, Exception) as error:  # noqa: BLE001 - every failure is reported and retried
            end_if_cancelled(error)
            failed(error)
        else:
            end_if_cancelled()
        await asyncio.sleep(pause_seconds)
