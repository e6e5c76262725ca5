"""The loop that takes queued jobs, and those whose process is gone, one after the other."""

import asyncio
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from app.executor.turns import step_aside
from app.tasks.waiting import wait_at_most
from app.telemetry.outages import Outage

Job = TypeVar("Job")
LOOK_SECONDS: Final = 5.0
"""How often a process looks for jobs; at once after one was queued here."""


class Runner(Protocol[Job]):
    """Finds and carries out the jobs of one kind."""

    async def next(self) -> Job | None:
        """The oldest job that no process holds; None if there is none."""

    async def run(self, job: Job) -> None:
        """Carry the job out, unless another process holds it."""


class JobWorker(Generic[Job]):
    """Runs jobs for ever; `is_agreed` is whether the clocks of this process and of the database agree, `name` that of
    the jobs in the log."""

    def __init__(self, runner: Runner[Job], *, name: str, is_agreed: Callable[[], bool]) -> None:
        self._runner = runner
        self._is_agreed = is_agreed
        self._queued = asyncio.Event()
        self._outage = Outage("billing", down=f"{name}_failed", back=f"{name}_back", effect="tried again later")

    def wake(self) -> None:
        """A job was queued."""
        self._queued.set()

    async def run(self) -> None:
        """Ends only when its task is cancelled."""
        step_aside()
        while True:
            try:
                has_more = await self._next()
            except Exception as error:  # noqa: BLE001 - whatever fails, the next round tries again
                has_more = False
                self._outage.failed(error)
            else:
                self._outage.succeeded()
            if not has_more:
                await wait_at_most(self._queued, LOOK_SECONDS)

    async def _next(self) -> bool:
        """Run the next job, if there is one."""
        self._queued.clear()
        job = await self._runner.next() if self._is_agreed() else None
        if job is not None:
            await self._runner.run(job)
        return job is not None
