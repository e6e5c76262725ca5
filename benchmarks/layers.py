"""Where the time of a request goes: a profile of the gateway's process, grouped by the folder of the code."""

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.contenders import gateway_environment
from benchmarks.layer_shares import REST, SHARE_MIN, Shares
from benchmarks.markdown import table
from benchmarks.measure import Run, load_once
from benchmarks.processes import ServerProcess, pin
from tests.commands import inherited

_LENGTH: Final = 4
"""A profile is so many times as long as another load: with some 250 samples a second, a share of 10 % is right to
within 1 % after four seconds."""
_PAUSE_SECONDS: Final = 0.05
_ATTEMPTS: Final = 200


async def measure(run: Run) -> dict[str, Shares]:
    """The shares for each operation."""
    folder = run.stage.folder / "profiles"
    folder.mkdir()
    command = [sys.executable, "-m", "benchmarks.profiled", str(folder), "serve"]
    environment = {**inherited(), **gateway_environment(run.stage)}
    names = [operation.name for operation in run.operations]
    process = ServerProcess("profiled", command, environment, run.stage.folder)
    try:
        await process.start()
        if run.plan.server_cores is not None:
            pin(process.pid, run.plan.server_cores)
        found = {
            name: await _profile(run, process, name, folder / f"{place}.json") for place, name in enumerate(names, 1)
        }
    finally:
        process.stop()
    run.say("the profiles are done")
    return found


async def _profile(run: Run, process: ServerProcess, operation: str, path: Path) -> Shares:
    next_request = run.requests_of(operation)
    await load_once(process, next_request, run.plan.connections, run.plan.seconds)
    os.kill(process.pid, signal.SIGUSR1)
    await load_once(process, next_request, run.plan.connections, _LENGTH * run.plan.seconds)
    os.kill(process.pid, signal.SIGUSR1)
    return await asyncio.to_thread(_written, path)


def _written(path: Path) -> Shares:
    """What the process has written; FileNotFoundError after ten seconds."""
    for _ in range(_ATTEMPTS):
        if path.exists():
            break
        time.sleep(_PAUSE_SECONDS)
    found: Shares = json.loads(path.read_text())
    return found


def by_size(found: Mapping[str, Shares]) -> list[str]:
    """The layers, largest first, the rest last."""
    whole: Counter[str] = Counter()
    for each in found.values():
        whole.update(each)
    return [*(layer for layer, _ in whole.most_common() if layer != REST), REST]


def section(found: Mapping[str, Shares]) -> str:
    """The part of the results page."""
    rows = [
        [layer, *[f"{each[layer]:.0%}" if layer in each else "" for each in found.values()]] for layer in by_size(found)
    ]
    return (
        f"## Time of the gateway's process by layer\n\n{table(['', *found], rows)}\n"
        "Where the process is whenever it has used some more CPU time. What is built in or compiled "
        f"counts for its caller. Below {SHARE_MIN:.0%} is in the rest.\n\n![Time by layer](layers.svg)\n"
    )
