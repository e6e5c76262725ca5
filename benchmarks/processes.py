"""The processes under test, and what the kernel says of them: CPU time and memory, those of their children included."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.servers.launch import free_port, launch

START_SECONDS: Final = 30.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class StartError(Exception):
    """A server did not start; the text ends with its log."""


class ServerProcess:
    """A server in a process of its own on a free loopback port; it ends with this process at the latest."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], folder: Path) -> None:
        self.port = free_port()
        self._command = [part.replace("{port}", str(self.port)) for part in command]
        self._environment = {name: value.replace("{port}", str(self.port)) for name, value in environment.items()}
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it and wait until the port accepts connections; StartError."""
        named = [f"{name}={value}" for name, value in self._environment.items()]
        command = ["env", "-i", *named, *self._command]
        self._process = await asyncio.to_thread(launch, command, self._log)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                while self._process.poll() is None:
                    if await _accepts(self.port):
                        return
                    await asyncio.sleep(0.05)
        raise StartError(f"{' '.join(self._command)}\n{self._log.read_text()[-3000:]}")

    @property
    def pid(self) -> int:
        """The process id of a started server."""
        if self._process is None:
            raise StartError(f"{self._command[0]} was not started")
        return self._process.pid

    def stop(self) -> None:
        """End it and what it has started; returns when it is gone."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)  # a session of its own: nobody else is in the group
            self._process.wait()


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def pin(pid: int, cores: set[int]) -> None:
    """Let the process run on these cores only, with every thread and child that it has or gets."""
    for each in _tree(pid):
        for task in _numbers(Path(f"/proc/{each}/task")):
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(task, cores)


def cpu_seconds(pid: int) -> float:
    """User and system time so far, of the process, of its children and of those that have ended."""
    return sum(_ticks(each) for each in _tree(pid)) / _TICKS


def precise_cpu_seconds(pid: int) -> float:
    """The same of the process and its children to the nanosecond, for what costs less than the kernel's ticks of 10 ms;
    threads and children that have ended are not counted."""
    return sum(_scheduled(each) for each in _tree(pid)) / 1e9


def _scheduled(pid: int) -> int:
    """Nanoseconds on a processor, of all threads."""
    found = 0
    for task in _numbers(Path(f"/proc/{pid}/task")):
        with contextlib.suppress(OSError):
            found += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
    return found


def children_cpu_seconds(pid: int) -> float:
    """User and system time so far of the children of a process, those that have ended included."""
    return cpu_seconds(pid) - _ticks(pid, ended=False) / _TICKS


def memory_bytes(pid: int) -> int:
    """Resident memory of the process and its children; what several of them share counts once."""
    return sum(_proportional_kib(each) for each in _tree(pid)) * 1024


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in _numbers(Path(f"/proc/{pid}/task")):
        with contextlib.suppress(OSError):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                yield from _tree(int(child))


def _numbers(folder: Path) -> list[int]:
    try:
        return [int(path.name) for path in folder.iterdir()]
    except OSError:
        return []


def _ticks(pid: int, *, ended: bool = True) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(int(field) for field in fields[11 : 15 if ended else 13])


def _proportional_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
