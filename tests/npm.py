"""The npm packages that tests use: each folder with a package.json and a lock installs its own."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path


def install(folder: Path) -> None:
    """Install what the folder's lock names, once for each of its versions; a machine without npm fails here."""
    npm = shutil.which("npm")
    assert npm, f"npm is needed for {folder.name}; install Node 20 or later"
    installed = folder / "node_modules" / ".installed"
    # Two workers may come here at the same time.
    with (folder / "package-lock.json").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        digest = hashlib.sha256(lock.read()).hexdigest()
        if not installed.is_file() or installed.read_text() != digest:
            done = subprocess.run(
                [npm, "ci", "--no-audit", "--no-fund"],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=180,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            installed.write_text(digest)
