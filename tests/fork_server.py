"""A process that has imported the gateway and forks once for each command, so that no command waits for an import.

`tests.commands` starts it and is at the other end of its standard input, a Unix socket. An order is one byte with four
descriptors: a file with the order in JSON, and the command's standard input, output and error. The answers are lines of
JSON: `[number, "pid", pid]` when the command begins and `[number, "code", code]` when it has ended, where `number`
counts the orders from 0. When the other end closes, or this process is killed, whatever still runs is killed too.

A fork is safe here and would not be in the test run: this process has one thread, no event loop and no connection.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import traceback
from typing import Any

from tests.servers.guard import die_with

PRELOADED = ("app.cli", "app.web.server", "app.runtime.whoami", "app.schema.access_matrix", "app.transport.manifest")


def main() -> None:
    """Import everything, then serve orders; the forked child comes back from there with an order to carry out."""
    for name in PRELOADED:
        importlib.import_module(name)
    cli = sys.modules.pop("app.cli")  # runpy warns of a module that is there before it is run
    for name in sorted(set(cli.COMMANDS.values())):
        importlib.import_module(f"app.commands.{name}")
    gc.collect()
    gc.freeze()
    order = ForkServer(socket.socket(fileno=os.dup(0))).serve()
    if order is not None:
        _end(_code_of(order))


class ForkServer:
    """One thread that takes orders, forks and reaps."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._pid = os.getpid()
        self._numbers: dict[int, int] = {}
        self._orders = 0
        self._woken, self._wakes = socket.socketpair()

    def serve(self) -> dict[str, Any] | None:
        """Serve until the other end closes, which gives None; in a forked child the order."""
        self._woken.setblocking(False)
        self._wakes.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakes.fileno())
        with selectors.DefaultSelector() as selector:
            for readable in (self._control, self._woken):
                selector.register(readable, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._woken in ready:
                    self._reap()
                if self._control in ready:
                    _, files, _, _ = socket.recv_fds(self._control, 1, 4)
                    if not files:
                        self._kill_all()
                        return None
                    if self._fork(files):
                        break
        return self._become(files)

    def _fork(self, files: list[int]) -> bool:
        """Whether this is the child."""
        pid = os.fork()
        if pid == 0:
            return True
        for file in files:
            os.close(file)
        self._numbers[pid] = self._orders
        self._orders += 1
        return False

    def _reap(self) -> None:
        self._woken.recv(4096)
        while self._numbers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._answer(self._numbers.pop(pid), "code", os.waitstatus_to_exitcode(status))

    def _answer(self, number: int, kind: str, value: int) -> None:
        self._control.sendall(json.dumps([number, kind, value]).encode() + b"\n")

    def _kill_all(self) -> None:
        for pid in self._numbers:
            os.kill(pid, signal.SIGKILL)

    def _become(self, files: list[int]) -> dict[str, Any]:
        """Leave everything of the server; the order, whose files are now the standard ones."""
        die_with(self._pid, signal.SIGKILL)
        os.setsid()
        self._answer(self._orders, "pid", os.getpid())
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in (self._control, self._woken, self._wakes):
            each.close()
        for target, file in enumerate(files[1:]):
            os.dup2(file, target)
            os.close(file)
        with os.fdopen(files[0]) as text:
            order: dict[str, Any] = json.load(text)
        return order


def _code_of(order: dict[str, Any]) -> int:
    """Run the order's module as `python -m` does; the exit code."""
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["directory"])
    sys.argv = [order["module"], *order["arguments"]]
    try:
        runpy.run_module(order["module"], run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
            return 1
        return ended.code or 0
    except BaseException:  # noqa: BLE001 - the interpreter would print it too
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> None:
    """What the interpreter does at its end, but for freeing each module, which takes a quarter of a second."""
    threading._shutdown()  # type: ignore[attr-defined]  # as multiprocessing does in a fork
    atexit._run_exitfuncs()
    gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
