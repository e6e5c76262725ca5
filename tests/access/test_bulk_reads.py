"""Who reads the data of many persons is in the access log before the answer is sent: a killed process loses nothing."""

import asyncio
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from app.auth.keys import DevelopmentKeys
from app.db.access_log_tables import access_log_entries
from app.db.engine import Database
from app.domain.access_log import AccessKind
from tests.factories import new_world
from tests.faults.processes import GatewayProcess
from tests.figures import Figures
from tests.gateway import Gateway, embedded_settings, running_gateway
from tests.prepared import prepare

LIST = "query($first: Int!) {{ {root}(first: $first) {{ nodes {{ {fields} }} }} }}"
CLAIMS = LIST.format(root="claims", fields="id patient { name }")
PERSONS = 30


async def _worlds_with_claims(directory: Path) -> None:
    async with running_gateway(embedded_settings(directory), is_prepared=True) as gateway:
        await _many_patients(gateway)


async def _many_patients(gateway: Gateway) -> None:
    for _ in range(PERSONS):
        await (await new_world(gateway)).create_claim()


async def _entries(directory: Path) -> dict[str, int]:
    """Request id -> persons, of the reads in the log."""
    database = Database(f"sqlite+aiosqlite:///{directory / 'billing.db'}")
    try:
        async with database.reading() as connection:
            table = access_log_entries.c
            query = select(table.request_id, table.persons).where(table.kind == AccessKind.READ)
            return {row.request_id: row.persons for row in (await connection.execute(query)).all()}
    finally:
        await database.dispose()


async def test_an_answer_with_many_persons_is_logged_before_it_is_sent(tmp_path: Path, figures: Figures) -> None:
    await prepare(embedded_settings(tmp_path))
    await _worlds_with_claims(tmp_path)
    token = DevelopmentKeys(tmp_path).sign(audience="billing-gateway", role="biller", providers=["*"])
    lost, rounds = 0, 5
    for _ in range(rounds):
        process = GatewayProcess(embedded_settings(tmp_path))
        await process.start()
        async with httpx.AsyncClient(base_url=process.url, headers={"authorization": f"Bearer {token}"}) as client:
            body = {"query": CLAIMS, "variables": {"first": PERSONS}}
            answer = await client.post("/graphql", json=body)
            process.kill()
        assert len(answer.json()["data"]["claims"]["nodes"]) == PERSONS
        lost += (await _entries(tmp_path)).get(answer.headers["x-request-id"]) != PERSONS
    assert lost == 0
    figures(killed=rounds, answers_without_entry=lost)


async def test_nothing_is_shown_while_the_log_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prepare(embedded_settings(tmp_path))
    async with running_gateway(embedded_settings(tmp_path), is_prepared=True) as gateway:
        await _many_patients(gateway)
        token = gateway.token("biller")
        write = gateway.parts.access_log._write
        refused = asyncio.Event()

        async def fail(_batch: object) -> None:
            refused.set()
            raise OSError("no disk")

        monkeypatch.setattr(gateway.parts.access_log, "_write", fail)
        many = await gateway.gql(CLAIMS, {"first": 21}, token=token)
        assert (many.body.get("data"), many.codes, refused.is_set()) == (None, ["INTERNAL"], True)
        few = await gateway.gql(CLAIMS, {"first": 20}, token=token)
        assert len(few.data["claims"]["nodes"]) == 20
        monkeypatch.setattr(gateway.parts.access_log, "_write", write)
        await gateway.parts.access_log.flush()
        found = await _entries(tmp_path)
        assert found[many.headers["x-request-id"]] == 21
        assert found[few.headers["x-request-id"]] == 20
