"""A flood of refused requests writes few lines, and the log says how many there were."""

import json
import re
from collections.abc import AsyncIterator

import pytest

from tests.faults.processes import Fleet, GatewayProcess, running_fleet
from tests.faults.stage import prepare
from tests.figures import Figures
from tests.gateway import embedded_settings
from tests.hostile.wire import answer, post

REQUESTS = 100
KINDS = 2


@pytest.fixture
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    settings = embedded_settings(tmp_path_factory.mktemp("logs"))
    await prepare(settings)
    async with running_fleet(settings, [GatewayProcess(settings)]) as found:
        yield found


async def test_refused_requests_are_few_lines(fleet: Fleet, figures: Figures) -> None:
    (process,) = fleet.processes
    bodies = {b"null": 400, b'{"query":"{me{id}}"}': 401}
    for _ in range(REQUESTS):
        for body, status in bodies.items():
            assert (await answer(process, [post(body)])).status == status
    lines = [json.loads(line) for line in process.log.read_text().splitlines() if line.startswith("{")]
    requests = [line for line in lines if line["event"] == "request" and line["status"] >= 400]
    refused = [line for line in lines if line["event"].startswith("refused ")]
    figures(requests=KINDS * REQUESTS, lines=len(requests) + len(refused))
    for code in ("BAD_REQUEST", "UNAUTHENTICATED"):
        counts = [re.search(r"\((\d+) since", line["event"]) for line in refused if code in line["event"]]
        assert 1 <= len(counts) <= REQUESTS / 5
        assert sum(int(found[1]) for found in counts if found) <= REQUESTS
    assert {line["status"] for line in requests} == {400, 401}
    assert len(requests) <= KINDS * REQUESTS / 5
