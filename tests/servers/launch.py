"""Starting a process that cannot outlive this one, and the small things a private server needs: port, directory."""

import fcntl
import os
import queue
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from functools import cache
from pathlib import Path

from tests.servers import guard

PREFIX = "billing-test-"
_LOWEST_PORT = 15000
_PORT_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_given_ports: set[int] = set()
_locks: dict[Path, int] = {}


def say(message: str) -> None:
    """One line for the person who waits; stdout belongs to the export lines."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


class _Launcher(threading.Thread):
    """The one thread that starts processes.

    The kernel sends the death signal when the *thread* that forked ends, not its process. Servers are started by
    short-lived threads, so the fork is handed to this one, which lives as long as the process does.
    """

    def __init__(self) -> None:
        super().__init__(name="server-launcher", daemon=True)
        self._orders: queue.SimpleQueue[tuple[list[str], Path, int, Future[subprocess.Popen[bytes]]]]
        self._orders = queue.SimpleQueue()

    def run(self) -> None:
        """Serve orders for ever; a failed start is the orderer's exception."""
        while True:
            command, log, death_signal, answer = self._orders.get()
            try:
                answer.set_result(_spawn(command, log, death_signal))
            except OSError as error:
                answer.set_exception(error)

    def order(self, command: list[str], log: Path, death_signal: int) -> subprocess.Popen[bytes]:
        """Start `command` in this thread and return it; OSError as from Popen."""
        answer: Future[subprocess.Popen[bytes]] = Future()
        self._orders.put((command, log, death_signal, answer))
        return answer.result()


def _spawn(command: list[str], log: Path, death_signal: int) -> subprocess.Popen[bytes]:
    wrapped = [sys.executable, "-I", "-S", guard.__file__, str(death_signal), str(os.getpid()), *command]
    with log.open("ab") as output:
        return subprocess.Popen(
            wrapped,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            start_new_session=True,  # Ctrl-C in the terminal is for the run, which then stops the server in order
        )


@cache
def _launcher() -> _Launcher:
    launcher = _Launcher()
    launcher.start()
    return launcher


_launcher_lock = threading.Lock()


def launch(command: Sequence[str], log: Path, death_signal: int = signal.SIGKILL) -> subprocess.Popen[bytes]:
    """Start a server in its own session, output appended to `log`; it gets `death_signal` when this process dies.

    Its working directory is the log's. OSError when the interpreter itself cannot be started; a missing `command`
    shows as an early exit with a traceback in the log.
    """
    with _launcher_lock:
        launcher = _launcher()
    return launcher.order(list(command), log, int(death_signal))


def free_port() -> int:
    """A loopback TCP port nobody listens on, below the range the kernel takes for outgoing connections.

    Inside that range a client that keeps trying a stopped server may be given the server's own port as its source:
    it then talks to itself, and the server cannot come back.
    """
    first_ephemeral = int(_PORT_RANGE_FILE.read_text().split()[0]) if _PORT_RANGE_FILE.exists() else 32768
    highest = max(min(first_ephemeral, 32768), _LOWEST_PORT + 1000)
    for port in random.SystemRandom().sample(range(_LOWEST_PORT, highest), 200):
        if port not in _given_ports and _bindable(port):
            _given_ports.add(port)
            return port
    raise RuntimeError(f"no free loopback port between {_LOWEST_PORT} and {highest}")


def _bindable(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def make_workspace(kind: str) -> Path:
    """A new directory for one server's data and log, locked by this process; leftovers of dead runs go first."""
    _remove_leftovers()
    draft = Path(tempfile.mkdtemp(prefix=f"new-{PREFIX}{kind}-"))
    descriptor = os.open(draft / "owner.lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    # Only under this name can it be taken for a leftover, and by now it is locked.
    workspace = draft.rename(draft.with_name(draft.name.removeprefix("new-")))
    _locks[workspace] = descriptor
    return workspace


def remove_workspace(workspace: Path) -> None:
    """Delete a directory of `make_workspace`; does nothing the second time."""
    shutil.rmtree(workspace, ignore_errors=True)
    descriptor = _locks.pop(workspace, None)
    if descriptor is not None:
        os.close(descriptor)


def _remove_leftovers() -> None:
    """A killed run leaves its directories (100 MB for MySQL); its lock is gone with it, so they can be told."""
    for lock in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/owner.lock"):
        try:
            descriptor = os.open(lock, os.O_RDWR)
        except OSError:
            continue  # another user's, or just removed
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
        except BlockingIOError:
            pass  # its run is alive
        finally:
            os.close(descriptor)
