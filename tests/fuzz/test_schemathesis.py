"""The command line of schemathesis against a live gateway, as anybody would run it."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.access.world import add_targets, rich_world
from tests.commands import ROOT
from tests.faults.processes import Fleet, GatewayProcess, running_fleet
from tests.faults.stage import prepare
from tests.figures import Figures
from tests.fuzz.values import CASES
from tests.gateway import embedded_settings

EXAMPLES = CASES // 90 if CASES else 1


@pytest.fixture
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    settings = embedded_settings(tmp_path_factory.mktemp("schemathesis"))
    await prepare(settings)
    async with running_fleet(settings, [GatewayProcess(settings)]) as fleet:
        await add_targets(await rich_world(fleet))  # type: ignore[arg-type]
        yield fleet


def _run(url: str, token: str, directory: Path) -> "subprocess.CompletedProcess[str]":
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{url}/graphql",
        "--header",
        f"authorization: Bearer {token}",
    ]
    command += ["--checks", "no_fault", "--phases", "fuzzing", "--max-examples", str(EXAMPLES), "--mode", "positive"]
    command += ["--generation-database", "none", "--continue-on-failure", "--no-color"]
    command += [] if CASES else ["--seed", "1"]
    hooks = {"SCHEMATHESIS_HOOKS": "tests.fuzz.hooks", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=directory, env={**os.environ, **hooks}, capture_output=True, text=True, timeout=600, check=False
    )


async def test_schemathesis_finds_no_fault(fleet: Fleet, figures: Figures, tmp_path: Path) -> None:
    token = fleet.token("reviewer", roles=["reviewer", "biller", "finance", "admin"], providers=["*"])
    done = await asyncio.to_thread(_run, fleet.processes[0].url, token, tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    tested, generated = re.search(r"Tested: (\d+)", done.stdout), re.search(r"(\d+) generated", done.stdout)
    assert tested, done.stdout
    assert generated, done.stdout
    figures(operations=tested.group(1), cases=generated.group(1))
    root = fleet.processes[0].log.read_text()
    assert int(tested.group(1)) >= 40
    assert int(generated.group(1)) >= int(tested.group(1)) * EXAMPLES * 0.7
    assert "Traceback" not in root
    assert "internal error" not in root
