"""The child processes for TISS documents: what they give back, and what happens when one of them dies."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest

from app.domain.errors import BillingError, ErrorCode, refuse
from app.tiss.child_processes import ChildProcesses, DocumentsUnavailable


@pytest.fixture
async def children() -> AsyncIterator[ChildProcesses]:
    found = ChildProcesses(waiting_max=1)
    yield found
    await found.stop()


async def _pid(children: ChildProcesses) -> int:
    return await children.run(os.getpid)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_calls_run_one_after_the_other_in_another_process(children: ChildProcesses) -> None:
    first, second = await _pid(children), await _pid(children)
    assert first == second != os.getpid()


async def test_a_refusal_comes_back_with_its_failures(children: ChildProcesses) -> None:
    expected = refuse(ErrorCode.INVALID_INPUT, "too long", "claimIds.0", "5001")
    with pytest.raises(BillingError) as refused:
        await children.run(_raised)
    assert refused.value.failures == expected.failures


def _raised() -> None:
    raise refuse(ErrorCode.INVALID_INPUT, "too long", "claimIds.0", "5001")


async def test_the_environment_holds_no_setting(children: ChildProcesses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLING_AUDIT_SECRET", "s" * 32)
    assert await children.run(os.getenv, "BILLING_AUDIT_SECRET") is None
    assert await children.run(os.getenv, "PATH") == os.environ["PATH"]


async def test_a_process_that_died_is_replaced(children: ChildProcesses) -> None:
    first = await _pid(children)
    os.kill(first, signal.SIGKILL)
    second = await _pid(children)
    assert (second != first, _is_running(first), _is_running(second)) == (True, False, True)


async def test_a_call_that_ends_its_process_is_tried_twice_and_then_refused(children: ChildProcesses) -> None:
    with pytest.raises(DocumentsUnavailable) as refused:
        await children.run(os._exit, 3)
    assert (refused.value.code, refused.value.extensions) == ("UNAVAILABLE", {"code": "UNAVAILABLE", "retryable": True})
    assert await _pid(children) != os.getpid()


async def test_a_process_ignores_the_signals_of_its_group(children: ChildProcesses) -> None:
    pid = await _pid(children)
    for ignored in (signal.SIGINT, signal.SIGTERM):
        os.kill(pid, ignored)
    assert await _pid(children) == pid


async def test_more_than_may_wait_are_refused_at_once(children: ChildProcesses) -> None:
    running = [asyncio.create_task(children.run(time.sleep, 0.3)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(DocumentsUnavailable):
        await children.run(os.getpid)
    assert await asyncio.gather(*running) == [None, None]
    assert await _pid(children) > 0


async def test_after_the_stop_no_process_is_left() -> None:
    children = ChildProcesses()
    pid = await _pid(children)
    running = asyncio.create_task(children.run(time.sleep, 60))
    await asyncio.sleep(0.1)
    await children.stop()
    with pytest.raises(DocumentsUnavailable):
        await running
    with pytest.raises(DocumentsUnavailable):
        await children.run(os.getpid)
    assert not _is_running(pid)
