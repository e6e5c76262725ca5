"""The console script `billing` in processes of its own, which a fork server starts: they begin with every import done.

Each is a real process, with a pid, a session, an environment and an exit code of its own. What a fork cannot show, such
as the command line in the process list, needs a new interpreter: see `GatewayProcess(is_forked=False)`.
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[1]
SECONDS = 60.0
Files = tuple[IO[Any], IO[Any], IO[Any]]  # the standard input, output and error


def inherited() -> dict[str, str]:
    """The environment of the test run without its own settings of the gateway."""
    return {name: value for name, value in os.environ.items() if not name.startswith("BILLING_")}


def billing(*arguments: str, typed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `billing ARGUMENTS` to its end with these variables and this standard input; TimeoutExpired after 60 s."""
    with (
        tempfile.TemporaryFile("w+") as given,
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
    ):
        given.write(typed)
        given.seek(0)
        process = start(arguments, {**inherited(), **environment}, (given, out, err), Path.cwd())
        try:
            code = process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(["billing", *arguments], code, out.read(), err.read())


@dataclass(frozen=True)
class ForkedProcess:
    """The part of `subprocess.Popen` that tests use; it leads a session of its own."""

    pid: int
    code: Future[int]

    def poll(self) -> int | None:
        """The exit code, or minus the signal that ended it; None while it runs."""
        return self.code.result() if self.code.done() else None

    def wait(self, timeout: float | None = None) -> int:
        """The same once it is gone; TimeoutExpired."""
        try:
            return self.code.result(timeout)
        except TimeoutError:
            raise subprocess.TimeoutExpired("billing", timeout or 0) from None

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it is gone."""
        if not self.code.done():
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL to it and whatever it started; returns when it is gone."""
        if not self.code.done():
            os.killpg(self.pid, signal.SIGKILL)
            self.wait(SECONDS)


def start(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    files: Files,
    directory: Path,
    *,
    module: str = "app.cli",
) -> ForkedProcess:
    """Start `python -m MODULE ARGUMENTS` in `directory` with exactly this environment and these three files."""
    order = {
        "module": module,
        "arguments": list(arguments),
        "environment": dict(environment),
        "directory": str(directory),
    }
    with _starting:
        server = _fork_server()
    return server.order(order, files)


_starting = threading.Lock()


@cache
def _fork_server() -> "_ForkServer":
    return _ForkServer()


class _ForkServer:
    """The other end of tests/fork_server.py; any thread may give orders."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.fork_server"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                cwd=ROOT,
                env=inherited(),
                start_new_session=True,  # Ctrl-C is for the run, at whose end this one ends too
            )
        self._lock = threading.Lock()
        self._orders: list[dict[str, Future[int]]] = []
        threading.Thread(target=self._listen, name="fork-server", daemon=True).start()
        atexit.register(self._close)

    def order(self, order: dict[str, Any], files: Files) -> ForkedProcess:
        """Have it carried out; returns as soon as the process is there."""
        answers: dict[str, Future[int]] = {"pid": Future(), "code": Future()}
        with tempfile.TemporaryFile("w+") as text:
            json.dump(order, text)
            text.seek(0)
            with self._lock:
                self._orders.append(answers)
                socket.send_fds(self._control, [b"."], [text.fileno(), *[file.fileno() for file in files]])
        return ForkedProcess(answers["pid"].result(SECONDS), answers["code"])

    def _listen(self) -> None:
        with self._control.makefile("r") as lines:
            for line in lines:
                number, kind, value = json.loads(line)
                self._orders[number][kind].set_result(value)
        for answers in self._orders:
            for answer in answers.values():
                if not answer.done():
                    answer.set_exception(RuntimeError("the fork server has ended"))

    def _close(self) -> None:
        self._control.shutdown(socket.SHUT_RDWR)
        self._process.wait()
        self._control.close()
