"""How long the event loop of this process was busy without a pause: what everybody else has to wait for."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class LoopTime:
    """The longest stay in one callback of the loop, in milliseconds of its thread's processor time, and in one round:
    whoever has something to do waits for the callbacks of a round at most."""

    longest_milliseconds: float = 0.0
    longest_round_milliseconds: float = 0.0


@contextmanager
def measured() -> Iterator[LoopTime]:
    """Measure every callback and every round of the loops of this process. The collector walks the heap of a whole test
    run, which no gateway has, and so it is off."""
    found = LoopTime()
    run = asyncio.Handle._run
    run_once = asyncio.BaseEventLoop._run_once  # type: ignore[attr-defined]  # private to asyncio

    def timed(handle: asyncio.Handle) -> None:
        began = time.thread_time()
        run(handle)
        found.longest_milliseconds = max(found.longest_milliseconds, 1000 * (time.thread_time() - began))

    def timed_round(loop: asyncio.BaseEventLoop) -> None:
        began = time.thread_time()
        run_once(loop)
        found.longest_round_milliseconds = max(found.longest_round_milliseconds, 1000 * (time.thread_time() - began))

    asyncio.BaseEventLoop._run_once = timed_round  # type: ignore[attr-defined]  # private to asyncio
    asyncio.Handle._run = timed  # type: ignore[assignment]  # typeshed takes it for a function of two handles
    gc.disable()
    try:
        yield found
    finally:
        gc.enable()
        asyncio.BaseEventLoop._run_once = run_once  # type: ignore[attr-defined]  # put back
        asyncio.Handle._run = run  # type: ignore[method-assign]  # put back
