"""What every running server looks like to a test, and how one is waited for, killed and brought back."""

import atexit
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.launch import launch, remove_workspace

READY_SECONDS = 30.0
STOP_SECONDS = 15.0
_POLL_SECONDS = 0.05
_TAIL_LINES = 30


class UnavailableError(Exception):
    """A way of getting a server that does not exist on this machine; the text says why, and the next way is tried."""


class ServerError(RuntimeError):
    """A server was there and did not start; the text ends with the last lines of its log."""


class NotOursError(RuntimeError):
    """The server was given by its address: this run did not start it and so does not stop, kill or restart it."""


@dataclass(frozen=True)
class Facts:
    """What a ready server says of itself: `flavor` is mariadb, mysql, redis, valkey, apache or tansu."""

    version: str
    flavor: str


@dataclass(eq=False)
class Process:
    """A private server process. `probe` raises until the server answers; `prepare` makes an empty data directory."""

    kind: str
    command: Sequence[str]
    workspace: Path
    probe: Callable[[], Facts]
    prepare: Callable[[], None]
    ready_seconds: float = READY_SECONDS
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        """Everything the server printed, over all its starts."""
        return self.workspace / "server.log"

    @property
    def data(self) -> Path:
        """The data directory that outlives a restart."""
        return self.workspace / "data"

    @property
    def pid(self) -> int | None:
        """The server's process id; None while it is down."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> Facts:
        """Start it and wait until it answers; ServerError with the log's end after `ready_seconds` or at its exit."""
        _live.add(self)
        if not self.data.exists():
            self.prepare()
        self._process = self._launch()
        deadline = time.monotonic() + self.ready_seconds
        while True:
            try:
                return self.probe()
            except Exception as error:  # noqa: BLE001 - whatever a client says of a server that is still starting
                self._check(deadline, error)
            time.sleep(_POLL_SECONDS)

    def _launch(self) -> subprocess.Popen[bytes]:
        return launch(self.command, self.log)

    def _check(self, deadline: float, error: Exception) -> None:
        if self.pid is None:
            raise ServerError(f"{self.kind}: the server ended while starting\n{self.tail()}") from error
        if time.monotonic() > deadline:
            text = f"{self.kind}: no answer after {self.ready_seconds:.0f} s ({error!r})\n{self.tail()}"
            raise ServerError(text) from error

    def tail(self) -> str:
        """The last 30 lines of the log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else ["(no log)"]
        return "\n".join(lines[-_TAIL_LINES:])

    def stop(self) -> None:
        """Ask it to end (SIGTERM), wait up to 15 s, then kill; the data stays for `start`."""
        if self._process is None or self.pid is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL to the server and whatever it started; returns when it is gone."""
        if self._process is not None and self.pid is not None:
            os.killpg(self._process.pid, signal.SIGKILL)  # its own session: the group has nobody else in it
            self._process.wait()

    def wipe(self) -> None:
        """Throw the data away; the next `start` begins empty. Only while it is down."""
        shutil.rmtree(self.data, ignore_errors=True)

    def discard(self) -> None:
        """Kill it and delete its directory; nobody reads the data again, so there is nothing to flush."""
        self.kill()
        remove_workspace(self.workspace)
        _live.discard(self)


_live: set[Process] = set()


@atexit.register
def _discard_all() -> None:
    for process in list(_live):
        process.discard()


@dataclass
class Server:
    """One running server. `url`: a SQLAlchemy URL ending in "/", a redis URL with database 0, or host:port (Kafka).

    `source` is environment, native or container. Of a server from the environment `pid` and `log` are None.
    """

    kind: str
    url: str
    version: str
    flavor: str
    source: str
    process: Process | None = None

    @property
    def pid(self) -> int | None:
        """The process id, of a container its client's; None while it is down or when it is not ours."""
        return self.process.pid if self.process is not None else None

    @property
    def log(self) -> Path | None:
        """The file with everything the server printed."""
        return self.process.log if self.process is not None else None

    def stop(self) -> None:
        """Orderly end; the data stays for `restart`. NotOursError for a server of the environment."""
        self._own().stop()

    def kill(self) -> None:
        """SIGKILL; returns when the process is gone. NotOursError for a server of the environment."""
        self._own().kill()

    def restart(self, *, empty: bool = False) -> None:
        """Bring it back on the same port, with its data or (`empty`) without; ends it in order if it still runs.

        Returns when it answers. Redis and tansu keep their data in memory: after a restart they are empty anyway.
        """
        process = self._own()
        process.stop()
        if empty:
            process.wipe()
        process.start()

    def discard(self) -> None:
        """End it and delete its data; a server of the environment is left alone."""
        if self.process is not None:
            self.process.discard()

    def _own(self) -> Process:
        if self.process is None:
            raise NotOursError(f"{self.kind} was given by the environment")
        return self.process


def started(process: Process, url: str, source: str) -> Server:
    """Start `process` and describe it; on any failure nothing of it is left behind."""
    try:
        facts = process.start()
    except BaseException:
        process.discard()
        raise
    return Server(process.kind, url, facts.version, facts.flavor, source, process)


def given(kind: str, url: str, probe: Callable[[], Facts]) -> Server:
    """A server of the environment; ServerError when it does not answer within 30 s (it may just be starting)."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            facts = probe()
            return Server(kind, url, facts.version, facts.flavor, "environment")
        except Exception as error:
            if time.monotonic() > deadline:
                text = f"{kind}: the address in the environment gave no answer in {READY_SECONDS:.0f} s: {error!r}"
                raise ServerError(text) from error
        time.sleep(_POLL_SECONDS * 4)
