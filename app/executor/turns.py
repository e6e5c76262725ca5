"""Turns at the event loop: background jobs let the operations that callers wait for go first."""

import asyncio
from contextvars import ContextVar
from typing import Final

LOOK_SECONDS: Final = 0.001
LOOKS_MAX: Final = 8
"""So often a job looks whether operations still run before it goes on all the same: it may hold locks that they wait
for, and a gateway that is never idle must get its jobs done too."""
_looks_max: ContextVar[int] = ContextVar("looks_max", default=0)


class _Operations:
    """How many operations run at the moment; `with operations` while one does."""

    def __init__(self) -> None:
        self.running = 0

    def __enter__(self) -> None:
        self.running += 1

    def __exit__(self, *_: object) -> None:
        self.running -= 1


operations: Final = _Operations()
"""Those of this process, which has one event loop."""


def step_aside(looks_max: int = LOOKS_MAX) -> None:
    """From now on the current task, with each that it starts, is a background job."""
    _looks_max.set(looks_max)


async def turn() -> None:
    """Wait, in a background job, until no operation runs, at most some milliseconds."""
    looks = _looks_max.get()
    while operations.running and looks:
        looks -= 1
        await asyncio.sleep(LOOK_SECONDS)
