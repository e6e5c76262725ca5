"""Runs the reading and writing of TISS documents in child processes: it is long and in Python, so that even in a thread
it would take turns with the event loop, and every other request would wait for it."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, BinaryIO, Final, TypeVar, cast

from app.tiss.child import receive, send

Result = TypeVar("Result")
WAITING_MAX: Final = 32
PROCESSES: Final = 1
_COMMAND: Final = (sys.executable, "-m", "app.tiss.child")


class DocumentsUnavailable(Exception):
    """Too many documents are waiting, or the child process ended; the caller may try again."""

    code = "UNAVAILABLE"
    message = "too many TISS documents are being processed, try again"
    extensions: Final = {"code": "UNAVAILABLE", "retryable": True}

    def __str__(self) -> str:
        return self.message


class ChildProcesses:
    """Up to `count` child processes, each started by its first call; further calls wait, up to `waiting_max` of them.

    A process takes about 60 MiB. It has no setting or secret of the gateway, and ends with it.
    """

    def __init__(self, count: int = PROCESSES, *, waiting_max: int = WAITING_MAX) -> None:
        # Each thread has a process of its own, and waits for its answers without holding the interpreter.
        self._threads = ThreadPoolExecutor(max_workers=count, thread_name_prefix="tiss")
        self._of_thread = threading.local()
        self._started: list[subprocess.Popen[bytes]] = []
        self._calls_max = count + waiting_max
        self._calls: set[Future[Any]] = set()
        self._is_stopped = False

    async def run(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """The result of the function, which must be one of a module, as must be the types of all values.

        Raises what it raises; DocumentsUnavailable if too many calls are waiting, or the process has died twice.
        """
        if self._is_stopped or len(self._calls) >= self._calls_max:
            raise DocumentsUnavailable
        call = self._threads.submit(self._call, function, arguments)
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return cast("Result", await asyncio.wrap_future(call))

    def _call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """Once more in a new process if this one dies: the system may have ended it for another reason."""
        for _attempt in range(2):
            if self._is_stopped:
                break
            try:
                has_returned, value = self._asked(function, arguments)
            except (EOFError, OSError):
                self._forget()
                continue
            if has_returned:
                return value
            raise value
        raise DocumentsUnavailable

    def _asked(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
        process = self._process()
        send(cast("BinaryIO", process.stdin), (function, arguments))
        found: tuple[bool, Any] = receive(cast("BinaryIO", process.stdout))
        return found

    def _process(self) -> "subprocess.Popen[bytes]":
        found: subprocess.Popen[bytes] | None = getattr(self._of_thread, "process", None)
        if found is None:
            found = subprocess.Popen(  # noqa: S603 - the command is our own
                _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment()
            )
            self._of_thread.process = found
            self._started.append(found)
        return found

    def _forget(self) -> None:
        process: subprocess.Popen[bytes] | None = getattr(self._of_thread, "process", None)
        self._of_thread.process = None
        if process is not None:
            self._started.remove(process)
            _end(process)

    async def stop(self) -> None:
        """End the processes; calls that are running raise DocumentsUnavailable."""
        self._is_stopped = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for process in list(self._started):
            process.kill()
        await asyncio.to_thread(self._threads.shutdown, wait=True)
        for process in list(self._started):
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):
            cast("BinaryIO", pipe).close()
    process.wait()


def _environment() -> dict[str, str]:
    """What finds the same modules, without the gateway's settings, which may be secrets."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("BILLING_")}
    return {**others, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
