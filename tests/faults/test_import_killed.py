"""The gateway is killed in the middle of an import: another one goes on, and each guide is imported once."""

import asyncio
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from app.db.import_tables import import_results
from app.db.tables import claims, outbox
from tests.example_lotes import lote, zipped
from tests.factories import World, key, new_world
from tests.faults.processes import Fleet
from tests.faults.stage import staged
from tests.figures import Figures
from tests.gateway import server_settings
from tests.length import scaled
from tests.services import Services

BATCHES = scaled(full=40, short=2)
KILLS = scaled(full=10, short=1)
"""How often the gateways are killed; a lease of five seconds has to run out each time."""
GUIDES = 25
START = "mutation($input: ImportBatchInput!) { importBatch(input: $input) { job { id } errors { message } } }"
READ = "query($id: ID!) { importJob(id: $id) { status totalCount takenCount takenWithWarningsCount refusedCount } }"


async def _started(fleet: Fleet, world: World) -> str:
    """The id of the job that imports the batches."""
    token = world.token("biller")
    batches = {
        f"{number}.xml": lote(world, [f"K{number:03d}{guide:03d}" for guide in range(GUIDES)])
        for number in range(BATCHES)
    }
    headers = {"authorization": f"Bearer {token}", "content-type": "application/zip"}
    answer = await fleet.client.post(f"{fleet.processes[0].url}/documents", content=zipped(batches), headers=headers)
    values = {"documentId": answer.json()["id"], "idempotencyKey": key()}
    found = (await fleet.gql(START, {"input": values}, token=token)).data["importBatch"]
    assert found["errors"] == []
    return str(found["job"]["id"])


async def _count(fleet: Fleet, column: Any, *conditions: Any) -> int:
    async with fleet.database.reading() as connection:
        query = select(func.count()).select_from(column.table).where(*conditions)
        return int((await connection.execute(query)).scalar_one())


async def test_an_import_goes_on_after_each_kill_and_imports_each_guide_once(
    services: Services, tmp_path: Path, figures: Figures
) -> None:
    settings = await server_settings(tmp_path, services)
    total = BATCHES * GUIDES
    async with staged(settings, processes=2) as fleet:
        world: World = await new_world(fleet)  # type: ignore[arg-type]
        job_id = await _started(fleet, world)
        async with asyncio.timeout(600):
            for number in range(KILLS):
                done = total * (number + 1) / (KILLS + 2)
                while await _count(fleet, import_results.c.id, import_results.c.job_id == job_id) < done:  # noqa: ASYNC110 - a process gives no signal
                    await asyncio.sleep(0.02)
                # Whoever has the job is among them.
                for process in fleet.processes:
                    process.kill()
                await asyncio.gather(*[process.start() for process in fleet.processes])
            while True:
                found = (await fleet.gql(READ, {"id": job_id}, token=world.token("biller"))).data["importJob"]
                if found["status"] != "RUNNING":
                    break
                await asyncio.sleep(0.1)
        numbers = await _count(fleet, claims.c.id, claims.c.provider_cnes == world.provider)
        results = await _count(fleet, import_results.c.id, import_results.c.job_id == job_id)
        created = await _count(
            fleet, outbox.c.id, outbox.c.provider_cnes == world.provider, outbox.c.name == "ClaimCreated"
        )
        ends = await _count(fleet, outbox.c.id, outbox.c.aggregate_id == job_id, outbox.c.name == "ImportFinished")
    assert (found["status"], found["totalCount"], found["refusedCount"]) == ("DONE", total, 0)
    assert found["takenCount"] + found["takenWithWarningsCount"] == total
    assert (numbers, results, created, ends) == (total, total, total, 1)
    figures(guides=total, kills=KILLS, doubled=0, lost=0)
