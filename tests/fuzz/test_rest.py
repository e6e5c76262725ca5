"""schemathesis against the OpenAPI document of a live gateway's REST endpoints, with all of its checks."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.processes import Fleet, GatewayProcess, running_fleet
from tests.faults.stage import prepare
from tests.figures import Figures
from tests.fuzz.values import CASES
from tests.gateway import embedded_settings

EXAMPLES = CASES // 40 if CASES else 5
# The values at every limit of the document take as long as all the rest.
PHASES = "coverage,fuzzing" if CASES else "fuzzing"


@pytest.fixture
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    settings = embedded_settings(tmp_path_factory.mktemp("schemathesis"))
    await prepare(settings)
    async with running_fleet(settings, [GatewayProcess(settings)]) as fleet:
        yield fleet


def _run(url: str, token: str, directory: Path) -> "subprocess.CompletedProcess[str]":
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "--config-file"),
        *(str(Path(__file__).with_name("schemathesis.toml")), "run", f"{url}/openapi.json"),
        *("--header", f"Authorization: Bearer {token}", "--phases", PHASES),
        *("--max-examples", str(EXAMPLES), "--generation-database", "none", "--continue-on-failure", "--no-color"),
    ]
    command += [] if CASES else ["--seed", "1"]
    env = {name: value for name, value in os.environ.items() if name != "SCHEMATHESIS_HOOKS"}
    return subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, timeout=600, check=False)


async def test_schemathesis_finds_no_failure(fleet: Fleet, figures: Figures, tmp_path: Path) -> None:
    token = fleet.token("reviewer", roles=["reviewer", "biller", "finance", "front_desk"], providers=["*"])
    done = await asyncio.to_thread(_run, fleet.processes[0].url, token, tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    tested, generated = re.search(r"Tested: (\d+)", done.stdout), re.search(r"(\d+) generated", done.stdout)
    assert tested, done.stdout
    assert generated, done.stdout
    figures(operations=tested.group(1), cases=generated.group(1))
    assert int(tested.group(1)) == 10
    log = fleet.processes[0].log.read_text()
    assert "Traceback" not in log
    assert "internal error" not in log
