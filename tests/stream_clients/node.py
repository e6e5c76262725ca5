"""Runs clients in processes of their own; the scripts of this folder with node, and the npm packages that they use."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from tests.npm import install

HOME = Path(__file__).parent
LINE_SECONDS = 60.0


class Script:
    """A client under way: it prints a line of JSON for each thing that it has to say."""

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
async def launched(folder: Path, *command: str) -> AsyncIterator[Script]:
    """The command in this folder, killed at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
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


@contextlib.asynccontextmanager
async def running(name: str, **arguments: Any) -> AsyncIterator[Script]:
    """The script with these arguments, killed at the end of the block."""
    install(HOME)
    async with launched(HOME, "node", name, json.dumps(arguments)) as script:
        yield script
