"""The metrics of background jobs: how many wait, run and have failed, and since when."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import background_jobs, clock
from app.db.background_jobs import JobCount
from app.db.import_tables import import_jobs
from app.domain.imports import ImportJobStatus
from tests.example_lotes import lote
from tests.factories import World
from tests.graphql.test_imports import import_document

QUEUED, RUNNING, FAILED = ImportJobStatus.QUEUED, ImportJobStatus.RUNNING, ImportJobStatus.FAILED


async def _imports(connection: AsyncConnection, now: datetime) -> dict[str, tuple[int, datetime | None]]:
    found = await background_jobs.counts(connection, now)
    assert [each for each in found if each.task == "posting"] == [
        JobCount("posting", "queued", 0, None),
        JobCount("posting", "running", 0, None),
    ]
    return {each.state: (each.count, each.oldest) for each in found if each.task == "import"}


async def test_jobs_are_counted_by_whether_somebody_has_them(server_world: World) -> None:
    """The rows are changed in a transaction that is taken back: no worker sees them."""
    ids = [(await import_document(server_world, lote(server_world, [f"J{n}"])))["job"]["id"] for n in range(4)]
    async with server_world.gateway.database.engine.connect() as connection:
        now = await clock.now(connection)
        before = await _imports(connection, now)
        query = select(import_jobs.c.id, import_jobs.c.created_at).where(import_jobs.c.id.in_(ids))
        started: dict[str, datetime] = {row.id: row.created_at for row in (await connection.execute(query)).all()}
        later, earlier = now + timedelta(seconds=5), now - timedelta(seconds=1)
        changes: list[dict[str, Any]] = [
            {"status": QUEUED, "lease_until": None},
            {"status": RUNNING, "lease_until": earlier, "lease_holder": "gone"},
            {"status": RUNNING, "lease_until": later, "lease_holder": "here"},
            {"status": FAILED, "ended_at": now - timedelta(hours=23)},
        ]
        for job, change in zip(ids, changes, strict=True):
            await connection.execute(update(import_jobs).where(import_jobs.c.id == job).values(**change))
        assert await _imports(connection, now) == {
            "queued": (before["queued"][0] + 2, before["queued"][1] or started[ids[0]]),
            "running": (before["running"][0] + 1, before["running"][1] or started[ids[2]]),
            "failed": (before["failed"][0] + 1, before["failed"][1] or started[ids[3]]),
        }
        old = update(import_jobs).where(import_jobs.c.id == ids[3]).values(ended_at=now - timedelta(hours=25))
        await connection.execute(old)
        assert (await _imports(connection, now))["failed"] == before["failed"]
        await connection.rollback()


async def test_the_page_of_metrics_shows_them(server_world: World) -> None:
    page = (await server_world.gateway.client.get("/metrics")).text
    found = {
        line.partition("{")[2].partition("}")[0] for line in page.splitlines() if "billing_background_jobs{" in line
    }
    assert found == {
        'state="queued",task="import"',
        'state="running",task="import"',
        'state="failed",task="import"',
        'state="queued",task="posting"',
        'state="running",task="posting"',
    }
