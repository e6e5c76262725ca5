"""Installing what is missing: Debian's packages as root, one wheel into the running environment."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from functools import cache

from tests.servers.base import UnavailableError
from tests.servers.launch import say

_INSTALL_SECONDS = 600.0
_lock = threading.Lock()  # the servers are started at the same time, and apt serves one at a time


def apt_install(packages: Sequence[str]) -> None:
    """Install Debian packages; UnavailableError when this is not root on Debian or apt refuses.

    The packages may start services of their own on the usual ports. Nobody here uses or stops those.
    """
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise UnavailableError("packages can only be installed by root on Debian")
    say(f"installing {' '.join(packages)}")
    with _lock:
        _update()
        _run(["apt-get", "install", "--yes", "--no-install-recommends", *packages])


def pip_install(package: str) -> None:
    """Install a wheel into the environment that runs this; UnavailableError when pip is missing or refuses."""
    say(f"installing the wheel {package}")
    with _lock:
        _run([sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=:all:", package])


@cache
def _update() -> None:
    _run(["apt-get", "update"])


def _run(command: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    shown = " ".join(command[:4])
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=_INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"`{shown} ...` took more than {_INSTALL_SECONDS:.0f} s") from error
    if done.returncode != 0:
        raise UnavailableError(f"`{shown} ...` failed: {done.stderr.strip()[-300:]}")
