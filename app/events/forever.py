"""Background loops that end only when they are told to."""

import asyncio
from collections.abc import Awaitable, Callable


def is_asked_to_end() -> bool:
    """Whether somebody cancels the running task; aiokafka also lets CancelledErrors out that nobody asked for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def forever(
    work: Callable[[], Awaitable[None]], *, failed: Callable[[BaseException], None], pause_seconds: float
) -> None:
    """Do the work again and again, whatever it raises, with a pause in between; ends by cancellation."""
    while True:
        try:
            await work()
        except asyncio.CancelledError as error:
            if is_asked_to_end():
                raise
            failed(error)
        except Exception as error:  # noqa: BLE001 - whatever fails is told, and tried again
            failed(error)
        await asyncio.sleep(pause_seconds)
