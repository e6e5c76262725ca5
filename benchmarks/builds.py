"""The peers that are compiled: each is built from its lock, once for each of its versions.

Where a toolchain or a package is missing the peer is left out, and one line says so.
"""

import fcntl
import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PEERS: Final = Path(__file__).parent / "peers"
_SECONDS: Final = 900
_SOURCE: Final = re.compile(r"^source = .+$", re.MULTILINE)
_CHECKSUM: Final = re.compile(r"^(?=checksum = )", re.MULTILINE)
_WRITTEN: Final = {"build", "Cargo.lock"}


class BuildError(Exception):
    """A peer cannot be built here; the text is one line that says why."""


@dataclass(frozen=True)
class Build:
    """A peer in a folder of its own, and the tool that builds it into `build`."""

    folder: Path
    tool: str
    steps: Callable[[Path], None]

    def done(self) -> None:
        """Build it if that is needed; BuildError."""
        if shutil.which(self.tool) is None:
            raise BuildError(f"{self.tool} is not installed")
        built = self.folder / "build" / ".built"
        built.parent.mkdir(exist_ok=True)
        with (built.parent / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            digest = _digest(self.folder)
            if not built.is_file() or built.read_text() != digest:
                self.steps(self.folder)
                built.write_text(digest)


def _digest(folder: Path) -> str:
    """Of all files that are not written by a build."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if path.is_file() and place.parts[0] not in _WRITTEN:
            whole.update(f"{place}\n".encode() + path.read_bytes())
    return whole.hexdigest()


def _run(folder: Path, *command: str) -> None:
    try:
        subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except subprocess.CalledProcessError as error:
        lines = [line.strip() for line in error.stderr.splitlines() if line.strip()]
        raise BuildError(f"{' '.join(command)}: {lines[-1] if lines else error.returncode}") from error
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{' '.join(command)} took longer than {_SECONDS} s") from error


def _build_go(folder: Path) -> None:
    _run(folder, "go", "tool", "gqlgen", "generate")
    _run(folder, "go", "build", "-trimpath", "-buildvcs=false", "-o", "build/server", ".")


def _build_rust(folder: Path) -> None:
    """`versions.lock` is Cargo.lock without the registry of each package, which Cargo itself says."""
    lock = folder / "Cargo.lock"
    lock.unlink(missing_ok=True)
    _run(folder, "cargo", "generate-lockfile")
    source = _SOURCE.search(lock.read_text())
    if source is None:
        raise BuildError("cargo names no registry in its lock")
    lock.write_text(_CHECKSUM.sub(f"{source[0]}\n", (folder / "versions.lock").read_text()))
    _run(folder, "cargo", "build", "--release", "--locked", "--target-dir", "build")


GO: Final = Build(PEERS / "go", "go", _build_go)
RUST: Final = Build(PEERS / "rust", "cargo", _build_rust)
