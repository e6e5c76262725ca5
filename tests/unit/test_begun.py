"""Coroutines that are run up to the first thing that they wait for."""

import asyncio

import pytest

from app.transport.begun import Begun, within


async def test_what_waits_for_nothing_is_done_at_once() -> None:
    async def work() -> int:
        return 7

    begun = Begun(work())
    assert begun.is_done
    assert await begun == 7


async def test_what_waits_goes_on_when_it_is_awaited() -> None:
    steps: list[str] = []

    async def work() -> list[str]:
        steps.append("begun")
        await asyncio.sleep(0)
        steps.append("after a turn")
        steps.append(await asyncio.wait_for(asyncio.sleep(0, "after a task"), 1))
        return steps

    begun = Begun(work())
    assert not begun.is_done
    assert steps == ["begun"]
    assert await begun == ["begun", "after a turn", "after a task"]


@pytest.mark.parametrize("turns", [0, 2])
async def test_an_error_is_that_of_whoever_awaits_it(turns: int) -> None:
    async def work() -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        raise ValueError("broken")

    begun = Begun(work())
    with pytest.raises(ValueError, match="broken"):
        await begun


async def test_a_timeout_ends_what_is_under_way() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("cleaned up")

    begun = Begun(work())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await begun
    assert ended == ["cleaned up"]


async def test_what_is_done_at_once_sets_no_timer() -> None:
    async def work() -> int:
        return 7

    # A timeout of no seconds would end anything that waits.
    assert await within(0, work()) == 7


async def test_what_waits_for_too_long_is_ended() -> None:
    with pytest.raises(TimeoutError):
        await within(0, asyncio.sleep(60))
