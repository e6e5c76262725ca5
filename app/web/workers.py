"""Several processes that serve one port, and the process that looks after them.

The parent opens the sockets, forks, and waits: it has no event loop, no thread and no connection, so that forking again
after a worker has died, or was killed because it hangs, is safe. Each worker has a socket of its own for the port
(SO_REUSEPORT), between which the kernel divides connections. The parent holds them open too: what is connected while a
worker is started again waits in the queue of its socket.
"""

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from socket import AF_INET, AF_INET6, SO_REUSEADDR, SO_REUSEPORT, SOCK_STREAM, SOL_SOCKET, socket
from types import FrameType
from typing import Final

import structlog

from app.runtime.settings import Settings, SettingsError
from app.web.heartbeats import BEAT_SECONDS, Heartbeats, Watch

RESTARTS_MAX: Final = 10
RESTARTS_SECONDS: Final = 60.0
EXIT_GIVEN_UP: Final = 1
EXIT_BAD_SETTINGS: Final = 2
CANNOT_START: Final = frozenset({EXIT_BAD_SETTINGS, 3})
"""Exit codes of a worker that would not start a second time either: wrong settings, or uvicorn could not start."""
PASSED_ON: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ENDED: Final = (signal.SIGCHLD,)
ADMIN: Final = -1
"""The place of the process that answers for all workers."""
_log = structlog.get_logger("billing.server")


def listening(host: str, port: int, count: int, names: str) -> list[socket]:
    """So many sockets of one address; SettingsError if it cannot be used."""
    opened: list[socket] = []
    for _ in range(count):
        found = socket(AF_INET6 if ":" in host else AF_INET, SOCK_STREAM)
        found.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        if count > 1:
            found.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1)
        try:
            # Port 0 is one that is free: the other sockets get the same.
            found.bind((host, opened[0].getsockname()[1] if opened else port))
        except OSError:
            raise SettingsError(f"{names}: cannot listen on {host}:{port}") from None
        found.set_inheritable(True)
        opened.append(found)
    return opened


def check(settings: Settings) -> None:
    """SettingsError if several processes would each have a database, a cache or events of their own."""
    alone = {
        "BILLING_DATABASE_URL": settings.database.startswith("sqlite"),
        "BILLING_REDIS_URL": settings.redis_url.startswith("memory"),
        "BILLING_EVENTS_URL": settings.events_url.startswith("memory"),
    }
    missing = [name for name, is_alone in alone.items() if is_alone]
    if missing:
        raise SettingsError(f"--workers needs servers that all workers share: set {', '.join(missing)}")
    if settings.admin_port is None:
        raise SettingsError("--workers needs BILLING_ADMIN_PORT: only there are the metrics of all workers")


@dataclass(frozen=True)
class Place:
    """What runs in a process, and which of the sockets are its own."""

    begin: Callable[[], None]
    sockets: Sequence[socket]


class Workers:
    """Starts a process at each place, passes signals on, starts again what dies or hangs, and ends when all have ended.

    The processes count their `heartbeats`.
    """

    def __init__(self, places: Mapping[int, Place], heartbeats: Heartbeats) -> None:
        self._places = places
        self._heartbeats = heartbeats
        self._running: dict[int, int] = {}
        self._watched: dict[int, Watch] = {}
        self._deaths: deque[float] = deque()
        self._is_stopping = False
        self._code = 0
        # Its other end closes with this process, however it ends.
        self._life, self._held = os.pipe()

    def run(self) -> int:
        """The exit code, once every process has ended."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, lambda number, _frame: self._tell(number))
        # One that is blocked waits until it is asked for.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDED)
        for place in self._places:
            self._start(place)
        _log.info("workers_started", count=len(self._workers()))
        while self._workers():
            if signal.sigtimedwait(ENDED, BEAT_SECONDS) is None:
                self._look()
            self._reap()
        self._end_admin()
        return self._code

    def _workers(self) -> list[int]:
        return [process for process, place in self._running.items() if place != ADMIN]

    def _look(self) -> None:
        """Kill what hangs: it would not take another signal, and takes requests that nobody answers."""
        for process, watch in self._watched.items():
            if watch.hangs():
                name, seconds = _name(self._running[process]), watch.silent_looks * BEAT_SECONDS
                _log.error("worker_silent", worker=name, seconds=seconds, effect="it is killed")
                _kill(process, signal.SIGKILL)

    def _reap(self) -> None:
        # One signal may stand for several that have ended.
        while self._running:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                return
            self._ended(process, os.waitstatus_to_exitcode(status))

    def _ended(self, process: int, code: int) -> None:
        place = self._running.pop(process, None)
        if place is None:
            return
        del self._watched[process]
        if self._is_stopping:
            self._code = self._code or abs(code)
        elif code in CANNOT_START or self._die_too_often():
            # A worker less would not be noticed.
            self._code = code if code > 0 else EXIT_GIVEN_UP
            self._stop(signal.SIGTERM, None)
        else:
            _log.warning("worker_died", worker=_name(place), code=code, effect="it is started again")
            self._heartbeats.restarted()
            self._start(place)

    def _die_too_often(self) -> bool:
        now = time.monotonic()
        self._deaths.append(now)
        while self._deaths[0] < now - RESTARTS_SECONDS:
            self._deaths.popleft()
        if len(self._deaths) <= RESTARTS_MAX:
            return False
        _log.error("workers_keep_dying", count=len(self._deaths), effect="all are stopped")
        return True

    def _start(self, place: int) -> None:
        # A signal between the fork and what follows would be lost, or taken by the child for the parent.
        signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
        watch = Watch(self._heartbeats, place)
        process = os.fork()
        if process == 0:
            os._exit(self._run_child(place))
        self._running[process], self._watched[process] = place, watch
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        if self._is_stopping:
            _kill(process, signal.SIGTERM)

    def _run_child(self, place: int) -> int:
        """The exit code of the process at this place, which is this one now."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*PASSED_ON, *ENDED))
        # A Ctrl-C at a terminal is for the parent, which passes it on.
        os.setpgid(0, 0)
        os.close(self._held)
        for other, its in self._places.items():
            if other != place:
                _close(its.sockets)
        threading.Thread(target=_end_with_parent, args=(self._life,), daemon=True).start()
        code = _code_of(self._places[place].begin)
        sys.stdout.flush()
        sys.stderr.flush()
        return code

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self._is_stopping = True
        for place in self._places.values():
            # From now on a worker that closes its socket refuses connections.
            _close(place.sockets)
        self._tell(number)

    def _tell(self, number: int) -> None:
        for process in self._workers():
            _kill(process, number)

    def _end_admin(self) -> None:
        for process in list(self._running):
            _kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


def _code_of(begin: Callable[[], None]) -> int:
    try:
        begin()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else EXIT_GIVEN_UP
    except SettingsError as error:
        sys.stderr.write(f"billing: wrong settings\n{error}\n")
        return EXIT_BAD_SETTINGS
    except Exception:  # noqa: BLE001 - whatever it is, the parent starts another one
        _log.exception("worker_failed")
        return EXIT_GIVEN_UP
    return 0


def _name(place: int) -> str:
    return "admin" if place == ADMIN else str(place)


def _close(sockets: Sequence[socket]) -> None:
    for each in sockets:
        each.close()


def _kill(process: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, number)


def _end_with_parent(life: int) -> None:
    """End this process in its orderly way when the parent is gone, which closes its end of the pipe."""
    os.read(life, 1)
    os.kill(os.getpid(), signal.SIGTERM)
