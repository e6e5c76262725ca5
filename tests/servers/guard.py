"""Becomes a server that dies with its parent: `guard.py SIGNAL PARENT COMMAND [ARGUMENT...]`.

A test run that is killed cannot stop its servers, so the kernel has to. Run as a program of its own and not as a
`preexec_fn`: the run has threads, and Python code between fork and exec may deadlock there. The process id stays the
same over the exec, and so does the death signal as long as the server does not change its user.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask for SIGNAL at the parent's death and exec COMMAND; exits 1 when PARENT has died in the meantime."""
    die_with(int(sys.argv[2]), int(sys.argv[1]))
    os.execvp(sys.argv[3], sys.argv[3:])  # noqa: S606 - the command is the caller's own


def die_with(parent: int, signal_number: int) -> None:
    """Get the signal when the parent dies; exits 1 when it has died already."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:  # Linux; elsewhere only the run's own exit stops the servers
        prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:  # it died before the request above: nobody would send the signal any more
        sys.exit(1)


if __name__ == "__main__":
    main()
