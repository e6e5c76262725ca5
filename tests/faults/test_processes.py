"""A gateway process starts, ends in each of the ways that tests use, and never outlives the test run."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.runtime.settings import Settings
from tests.commands import ROOT
from tests.faults.processes import GatewayProcess, environment_of, running_fleet
from tests.faults.stage import prepare
from tests.gateway import embedded_settings

_STARTS_ONE_AND_WAITS = """
import asyncio, pathlib, sys, time
from tests.faults.processes import GatewayProcess
from tests.gateway import embedded_settings
process = GatewayProcess(embedded_settings(pathlib.Path(sys.argv[1])))
asyncio.run(process.start())
print(process.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    found = embedded_settings(tmp_path)
    await prepare(found)
    return found


def test_a_process_reads_the_settings_that_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = embedded_settings(tmp_path, cache_secret="a secret of some length", database_timeout_seconds=3.5)
    for name, value in environment_of(given).items():
        monkeypatch.setenv(name, value)
    assert Settings() == given


async def test_it_serves_and_ends_by_sigterm_and_by_sigkill(settings: Settings) -> None:
    process = GatewayProcess(settings)
    async with running_fleet(settings, [process]) as fleet:
        assert (await fleet.gql("{ __typename }", token=fleet.token("finance"))).data == {"__typename": "Query"}
        assert process.resident_bytes() > 10_000_000
        assert await fleet.metric("billing_outbox_pending", process) == 0
        with pytest.raises(KeyError):
            await fleet.metric("no_such_metric", process)
        assert await process.terminate() == 0
        await process.start()
        process.kill()
        assert not process.is_running
        await process.start()
    assert not process.is_running


async def test_a_gateway_that_cannot_start_fails_the_test_with_its_log_and_ends_the_others(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    good = GatewayProcess(settings)
    bad = GatewayProcess(embedded_settings(tmp_path_factory.mktemp("empty")))
    with pytest.raises(AssertionError, match="billing migrate"):
        async with running_fleet(settings, [bad, good]):
            pass
    assert not good.is_running


async def test_it_dies_with_the_test_run(settings: Settings) -> None:
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _STARTS_ONE_AND_WAITS, str(settings.var_dir)), stdout=subprocess.PIPE, cwd=ROOT
    )
    assert run.stdout is not None
    gateway = int(await run.stdout.readline())
    try:
        assert _is_there(gateway)
    finally:
        run.kill()
        await run.communicate()
    async with asyncio.timeout(10):
        while _is_there(gateway):  # noqa: ASYNC110 - nobody tells of another's child
            await asyncio.sleep(0.05)


def _is_there(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z" and os.getpgid(pid) == pid
