"""Runs the scripts of this folder with node, and the npm packages that they use."""

import asyncio
import contextlib
import fcntl
import hashlib
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

HOME = Path(__file__).parent
LOCK = HOME / "package-lock.json"
INSTALLED = HOME / "node_modules" / ".installed"
LINE_SECONDS = 60.0


def install() -> None:
    """Install what the lock names, once for each of its versions; a machine without npm fails here."""
    npm = shutil.which("npm")
    assert npm, "npm is needed to run the clients of frontends; install Node 20 or later"
    # Two workers may come here at the same time.
    with LOCK.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        digest = hashlib.sha256(lock.read()).hexdigest()
        if not INSTALLED.is_file() or INSTALLED.read_text() != digest:
            done = subprocess.run([npm, "ci"], cwd=HOME, capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode == 0, done.stderr
            INSTALLED.write_text(digest)


class Script:
    """A script under way: it prints a line of JSON for each thing that it has to say."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def said(self) -> Any:
        """The next line; the test fails with the script's errors if there is none."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        async with asyncio.timeout(LINE_SECONDS):
            line = await self._process.stdout.readline()
            assert line, (await self._process.stderr.read()).decode()
        return json.loads(line)


@contextlib.asynccontextmanager
async def running(name: str, **arguments: Any) -> AsyncIterator[Script]:
    """The script with these arguments, killed at the end of the block."""
    install()
    process = await asyncio.create_subprocess_exec(
        "node",
        name,
        json.dumps(arguments),
        cwd=HOME,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Script(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
