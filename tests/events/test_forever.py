"""Background loops end when they are cancelled, and for no other reason."""

import asyncio
import contextlib

from app.events.forever import forever


async def test_a_cancelled_error_without_a_cancellation_is_a_failure_like_others() -> None:
    reported: list[str] = []
    went_on = asyncio.Event()

    async def work() -> None:
        if not reported:
            # What aiokafka raises when a broker goes down during a call.
            orphan: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            orphan.cancel()
            await orphan
        if len(reported) == 1:
            raise ConnectionError
        went_on.set()
        await asyncio.sleep(60)

    def failed(error: BaseException) -> None:
        reported.append(type(error).__name__)

    task = asyncio.create_task(forever(work, failed=failed, pause_seconds=0))
    async with asyncio.timeout(5):
        await went_on.wait()
    assert reported == ["CancelledError", "ConnectionError"]
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert (task.cancelled(), reported) == (True, ["CancelledError", "ConnectionError"])


async def test_a_cancellation_counts_though_the_clean_up_after_it_fails() -> None:
    reported: list[BaseException] = []
    began = asyncio.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.sleep(60)
        finally:
            raise ConnectionError  # a rollback on a lost connection

    task = asyncio.create_task(forever(work, failed=reported.append, pause_seconds=0))
    await began.wait()
    task.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([task])
    assert (task.cancelled(), reported) == (True, [])


async def test_a_cancellation_counts_though_the_work_has_lost_it() -> None:
    began = asyncio.Event()

    async def work() -> None:
        began.set()
        with contextlib.suppress(asyncio.CancelledError):  # as `asyncio.wait_for` of Python 3.11 may
            await asyncio.sleep(60)

    task = asyncio.create_task(forever(work, failed=lambda _error: None, pause_seconds=0))
    await began.wait()
    task.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([task])
    assert task.cancelled()
