"""The child process that reads and writes TISS documents: calls come in by its standard input, results go out by its
standard output. `child_processes.py` starts it and is the only one who talks to it."""

import pickle
import signal
import struct
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, Final

CALL_SECONDS_MAX: Final = 60
"""The system ends a process whose call takes longer: its caller gave up long before."""
_LENGTH: Final = struct.Struct("!Q")


def main() -> None:
    """Answer calls until the other side closes the pipe, at the latest when it ends."""
    # Both reach the whole group of processes; the gateway finishes its requests first, and then closes the pipe.
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    calls, results = sys.stdin.buffer, sys.stdout.buffer
    # Whatever a library prints must not come between the results.
    sys.stdout = sys.stderr
    while True:
        try:
            call = receive(calls)
        except EOFError:
            return
        signal.alarm(CALL_SECONDS_MAX)
        send(results, _result(*call))
        signal.alarm(0)


def _result(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    """Whether the call returned, and its result or its exception."""
    try:
        return True, function(*arguments)
    except Exception as error:  # noqa: BLE001 - raised again on the other side
        return False, error


def send(pipe: BinaryIO, value: Any) -> None:
    """Write one value."""
    encoded = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(encoded)) + encoded)
    pipe.flush()


def receive(pipe: BinaryIO) -> Any:
    """The next value, EOFError if there is none any more. Both sides are this gateway, so unpickling is safe."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    encoded = pipe.read(length)
    if len(encoded) < length:
        raise EOFError
    return pickle.loads(encoded)  # noqa: S301 - see above


if __name__ == "__main__":
    main()
