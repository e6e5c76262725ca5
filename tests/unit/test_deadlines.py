"""Deadlines and ends that hold against libraries which lose a cancellation."""

import asyncio
from collections.abc import Awaitable

import pytest

from app.tasks.ending import beside, end, ended
from app.transport.deadlines import Deadline, ExpireWhen


async def _loses_cancellations(count: int, journal: list[str]) -> None:
    """Waits for ever, and takes no notice of the first cancellations, as `asyncio.wait_for` of Python 3.11 may."""
    for number in range(count + 1):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            journal.append(f"cancelled {number}")
            if number == count:
                raise


async def _times_out(deadline: Deadline, work: Awaitable[object]) -> None:
    with pytest.raises(TimeoutError):
        async with deadline:
            await work


@pytest.mark.parametrize("lost", [0, 1, 3])
async def test_a_deadline_ends_its_block_whatever_was_lost(lost: int) -> None:
    journal: list[str] = []
    deadline = Deadline(0.01)
    await _times_out(deadline, _loses_cancellations(lost, journal))
    assert journal == [f"cancelled {number}" for number in range(lost + 1)]
    assert (deadline.is_expired, deadline.is_early) == (True, False)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0.2)


async def test_a_deadline_that_is_not_repeated_cancels_once() -> None:
    journal: list[str] = []

    async def work() -> None:
        async with Deadline(0.01, is_repeated=False):
            await _loses_cancellations(1, journal)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.3)
    assert journal == ["cancelled 0"]
    await ended([task])


async def test_a_deadline_can_expire_early_before_and_inside_its_block() -> None:
    for is_before in (True, False):
        deadline = Deadline(None)
        if is_before:
            deadline.expire()
        else:
            asyncio.get_running_loop().call_later(0.01, deadline.expire)
        await _times_out(deadline, asyncio.Event().wait())
        assert (deadline.is_expired, deadline.is_early) == (True, True)


async def test_a_deadline_expires_when_something_happens() -> None:
    deadline = Deadline(10)

    async def work() -> None:
        with ExpireWhen(deadline, lambda: asyncio.sleep(0.01)):
            await asyncio.Event().wait()

    await _times_out(deadline, work())
    assert deadline.is_early


async def test_a_deadline_in_time_changes_nothing_and_another_cancellation_goes_through() -> None:
    async with Deadline(10) as deadline:
        await asyncio.sleep(0)
    deadline.expire()
    assert not deadline.is_expired

    async def work() -> None:
        async with Deadline(10):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_rescheduled_deadline_counts_from_then() -> None:
    async with Deadline(0.01) as deadline:
        deadline.reschedule(None)
        await asyncio.sleep(0.05)
        assert not deadline.is_expired
        deadline.reschedule(10)
    deadline = Deadline(10)
    asyncio.get_running_loop().call_soon(deadline.reschedule, 0.01)
    await _times_out(deadline, asyncio.Event().wait())
    assert not deadline.is_early


@pytest.mark.parametrize("lost", [0, 2])
async def test_a_task_is_cancelled_until_it_ends(lost: int) -> None:
    journal: list[str] = []
    task = asyncio.create_task(_loses_cancellations(lost, journal))
    await asyncio.sleep(0)
    end(task)
    assert not task.done()
    await ended([task])
    assert (task.cancelled(), journal) == (True, [f"cancelled {number}" for number in range(lost + 1)])


@pytest.mark.parametrize("lost", [0, 2])
async def test_what_runs_beside_a_block_has_ended_after_it(lost: int) -> None:
    journal: list[str] = []
    async with beside(_loses_cancellations(lost, journal)):
        await asyncio.sleep(0)
        assert journal == []
    assert journal == [f"cancelled {number}" for number in range(lost + 1)]
