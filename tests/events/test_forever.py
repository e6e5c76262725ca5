"""Background loops end when they are told to, and for no other reason."""

import asyncio
import contextlib

from app.events.forever import forever


async def test_a_cancellation_that_nobody_asked_for_is_a_failure_like_others() -> None:
    told: list[str] = []
    went_on = asyncio.Event()

    async def work() -> None:
        if not told:
            # What aiokafka does when a broker goes away while somebody waits.
            orphan: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            orphan.cancel()
            await orphan
        if len(told) == 1:
            raise ConnectionError
        went_on.set()
        await asyncio.sleep(60)

    def failed(error: BaseException) -> None:
        told.append(type(error).__name__)

    task = asyncio.create_task(forever(work, failed=failed, pause_seconds=0))
    async with asyncio.timeout(5):
        await went_on.wait()
    assert told == ["CancelledError", "ConnectionError"]
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert (task.cancelled(), told) == (True, ["CancelledError", "ConnectionError"])
