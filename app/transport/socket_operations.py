"""The operations of one socket, by the ids that its client chose."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from app.tasks.ending import end, ended


@dataclass(eq=False, slots=True)
class SocketOperation:
    """One operation. Its client has left it by sending `complete`: nothing more is sent then, since the id may belong
    to a later operation. One that must finish is not cancelled, whether or not its client waits for it."""

    id: str
    is_left: bool = False
    must_finish: bool = False


class SocketOperations:
    """All operations of a socket: those that run, and those that have been left and are still ending."""

    def __init__(self, running_max: int) -> None:
        self._running_max = running_max
        self._running: dict[str, SocketOperation] = {}
        self._tasks: dict[asyncio.Task[None], SocketOperation] = {}

    def __contains__(self, id: str) -> bool:
        return id in self._running

    @property
    def are_too_many(self) -> bool:
        """Whether another one would be too many; those still ending count apart, up to the same number."""
        return len(self._running) >= self._running_max or len(self._tasks) >= 2 * self._running_max

    def start(self, id: str, run: Callable[[SocketOperation], Coroutine[Any, Any, None]]) -> None:
        """Run the operation in a task of its own."""
        operation = self._running[id] = SocketOperation(id)
        task = asyncio.create_task(run(operation), name="operation of a socket")
        self._tasks[task] = operation
        task.add_done_callback(self._forget)

    def leave(self, id: str) -> None:
        """The client does not want it any more: it is ended, which nobody waits for, and its id is free at once."""
        operation = self._running.pop(id, None)
        if operation is None:
            return
        operation.is_left = True
        for task, one in self._tasks.items():
            if one is operation and not operation.must_finish:
                end(task)

    def free(self, operation: SocketOperation) -> None:
        """Free the operation's id, before its last message: its client may use the id again as soon as it has that."""
        if self._running.get(operation.id) is operation:
            del self._running[operation.id]

    async def finish(self) -> None:
        """Wait for the operations that must finish; each has a deadline."""
        tasks = [task for task, operation in self._tasks.items() if operation.must_finish]
        if tasks:
            await asyncio.wait(tasks)

    async def end(self) -> None:
        """End all of them; those that must finish are waited for."""
        await ended([task for task, operation in self._tasks.items() if not operation.must_finish])
        await self.finish()

    def _forget(self, task: asyncio.Task[None]) -> None:
        self.free(self._tasks.pop(task))
