"""The whole benchmark once, with loads of a moment: every server starts, answers as the gateway does, and is measured.

`BILLING_TEST_BENCH=1 pytest tests/benchmarks` runs it, where `make bench` has installed its packages.
"""

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from benchmarks import layers, subscribers, workers
from benchmarks.builds import PEERS
from benchmarks.contenders import ALL, Contender, ready
from benchmarks.data import PROVIDERS, SEEN
from benchmarks.load import ask, request_bytes
from benchmarks.measure import Plan, Run, running
from benchmarks.report import Further, write
from benchmarks.stage import Stage, stage
from tests.npm import install

CLAIMS = 4_000
SUBSCRIBERS = 20
LEFT_OVER = (
    "SELECT COUNT(*) FROM peer_outbox WHERE published_at IS NULL",
    "SELECT SUM(persons) - (SELECT COUNT(*) FROM peer_persons) FROM peer_entries",
    "SELECT COUNT(*) - (SELECT SUM(entries) FROM peer_seals) FROM peer_entries WHERE kind = 'READ'",
)
"""Of the peer with duties: unpublished events, persons without a row of their own, reads outside the chain."""


async def _measured(found: Stage, folder: Path, contenders: list[Contender]) -> Run:
    plan = Plan(seconds=0.1, rounds=1, connections=2, server_cores=None)
    async with running(found, plan, contenders, lambda _line: None) as run:
        await run.check()
        await run.measure()
        await run.measure_burst()
        await _duties_are_done(run)
        heard = await subscribers.measure(run, SUBSCRIBERS)
        write(run, CLAIMS, folder, Further(heard, await workers.measure(run), await layers.measure(run)))
    return run


async def _duties_are_done(run: Run) -> None:
    """The peer with duties refuses what the gateway refuses, repeats a stored answer, and has logged and published."""
    ask_peer = partial(_asked, run)
    question = {"query": run.operations[0].document, "variables": {"id": run.place.claim_ids[0]}}
    answers = {
        "no token": await ask_peer(question, None),
        "another provider": await ask_peer(question, run.stage.token("biller", PROVIDERS[5:6])),
        "another role": await ask_peer(question, run.stage.token("billing_reader", SEEN)),
    }
    assert answers == {
        "no token": {"code": "UNAUTHENTICATED"},
        "another provider": {"claim": None},
        "another role": {"code": "FORBIDDEN"},
    }
    creation = json.loads(run.operations[2].body(""))
    first, second = [(await ask_peer(creation, run.stage.caller))["createClaim"] for _ in range(2)]
    assert (first["replayed"], second["replayed"], first["claim"]) == (False, True, second["claim"])
    await asyncio.sleep(1)
    with create_engine(run.stage.settings.database.replace("+aiomysql", "+pymysql")).connect() as connection:
        assert [connection.scalar(text(query)) for query in LEFT_OVER] == [0, 0, 0]
        assert connection.scalar(text("SELECT COUNT(*) FROM peer_outbox WHERE aggregate_id = :id"), first["claim"]) == 1


async def _asked(run: Run, body: dict[str, Any], token: str | None) -> Any:
    """The data of the answer of the peer with duties, or the code of its error."""
    process = next(process for contender, process in run.processes.items() if contender.name == "Mercurius with duties")
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    answer = json.loads(
        (await ask(process.port, request_bytes("POST", "/graphql", json.dumps(body).encode(), headers))).body
    )
    return {"code": answer["errors"][0]["extensions"]["code"]} if "errors" in answer else answer["data"]


def test_every_server_answers_as_the_gateway_and_is_measured(tmp_path: Path) -> None:
    install(PEERS)
    left_out: list[str] = []
    contenders = ready(ALL, left_out.append)
    with stage(CLAIMS, None) as found:
        run = asyncio.run(_measured(found, tmp_path, contenders))
    expected = {(each.name, kind.name) for each in contenders for kind in run.operations if each.knows(kind)}
    assert len(contenders) + len(left_out) == len(ALL)
    assert set(run.figures.samples) == expected
    samples = [sample for rounds in run.figures.samples.values() for sample in rounds]
    assert [sample for sample in samples if sample.failed or not sample.answers] == []
    page = (tmp_path / "RESULTS.md").read_text()
    assert page.count("\n| gateway |") == 8
    assert page.count(f"\n| {SUBSCRIBERS} subscribers, ") == 2
    assert page.count("\n| 2 workers: ") == len(workers.ASKED)
    assert "\n| app/executor | " in page
    assert (tmp_path / "cpu.svg").read_text().count("<rect") == len(expected)
