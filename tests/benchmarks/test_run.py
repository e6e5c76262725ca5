"""The whole benchmark once, with loads of a moment: every server starts, answers as the gateway does, and is measured.

`BILLING_TEST_BENCH=1 pytest tests/benchmarks` runs it, where `make bench` has installed its packages.
"""

import asyncio
from pathlib import Path

from benchmarks.contenders import ALL, PEERS
from benchmarks.measure import Plan, Run, running
from benchmarks.report import write
from benchmarks.stage import Stage, stage
from tests.npm import install

CLAIMS = 4_000


async def _measured(found: Stage, folder: Path) -> Run:
    plan = Plan(seconds=0.1, rounds=1, connections=2, server_cores=None)
    async with running(found, plan, list(ALL), lambda _line: None) as run:
        await run.check()
        await run.measure()
        await run.measure_burst()
        write(run, CLAIMS, folder)
    return run


def test_every_server_answers_as_the_gateway_and_is_measured(tmp_path: Path) -> None:
    install(PEERS)
    with stage(CLAIMS, None) as found:
        run = asyncio.run(_measured(found, tmp_path))
    expected = {(each.name, kind.name) for each in ALL for kind in run.operations if each.knows(kind)}
    assert set(run.figures.samples) == expected
    samples = [sample for rounds in run.figures.samples.values() for sample in rounds]
    assert [sample for sample in samples if sample.failed or not sample.answers] == []
    page = (tmp_path / "RESULTS.md").read_text()
    assert page.count("\n| gateway |") == 8
    assert (tmp_path / "cpu.svg").read_text().count("<rect") == len(expected)
