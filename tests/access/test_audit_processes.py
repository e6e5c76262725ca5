"""Several processes write one access log at once: every entry ends in one seal, and the chain never forks."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access_log.check import check
from app.access_log.notes import OperationNotes
from app.access_log.sealer import SEAL_SIZE, Sealer
from app.access_log.writer import AccessLogWriter
from app.db import access_log as access_log_db
from app.db.engine import Database
from app.domain import ids
from app.domain.access_log import PurposeOfUse
from app.domain.access_log_entries import AccessLogKey
from app.domain.actor import Actor, Door
from app.domain.data_scope import EVERYTHING
from app.telemetry.metrics import Metrics
from tests.gateway import server_settings
from tests.prepared import prepare
from tests.services import Services

KEY = AccessLogKey("the secret of this test")
PATIENT = "pat_00000000000000000000000001"


@pytest.fixture
async def database(services: Services, tmp_path: Path) -> AsyncIterator[Database]:
    """A log of its own on the real server."""
    settings = await server_settings(tmp_path, services)
    await prepare(settings, has_all_terms=False)
    found = Database(settings.database)
    yield found
    await found.dispose()


def _now() -> datetime:
    return datetime.now(UTC)


def _writer(database: Database) -> AccessLogWriter:
    return AccessLogWriter(database, KEY, now=_now, metrics=Metrics())


def _actor(request_id: str, door: Door = Door.GRAPHQL) -> Actor:
    return Actor("somebody", door, EVERYTHING, PurposeOfUse.HPAYMT, request_id, frozenset({"biller"}))


def _notes() -> OperationNotes:
    notes = OperationNotes()
    notes.operation = "claims"
    notes.revealed = dict.fromkeys((PATIENT, None), frozenset({"FINANCIAL"}))
    return notes


async def _change(database: Database, writer: AccessLogWriter, number: int, wait_seconds: float) -> None:
    async def work(connection: AsyncConnection) -> None:
        changed = [(ids.new_id(ids.CLAIM), PATIENT)]
        await writer.record(
            connection, _actor(f"change-{number}", Door.REST), operation="submitClaims", changed=changed
        )
        # Others write and seal before this commits.
        await asyncio.sleep(wait_seconds)

    await database.transact(work)


async def test_processes_that_write_and_seal_at_once_lose_nothing(database: Database) -> None:
    writers = [_writer(database) for _ in range(3)]
    running = [asyncio.create_task(writer.run()) for writer in writers]
    changes = [
        asyncio.create_task(_change(database, writers[number % 3], number, 0.1 * (number % 8))) for number in range(24)
    ]
    for number in range(30):
        writers[number % 3].note(_actor(f"look-{number}"), _notes())
        await asyncio.sleep(0.02)
    sealers = [Sealer(database, KEY) for _ in range(4)]
    for _ in range(5):
        await asyncio.gather(*(sealer.seal() for sealer in sealers))
    await asyncio.gather(*changes)
    for writer in writers:
        writer.stop()
    await asyncio.gather(*running)
    await sealers[0].seal()
    report = await check(database, key=KEY)
    # 24 changes, 30 looks, and the start and the end of each of three writers.
    assert (report.entries, report.waiting) == (60, 0)
    assert (report.problems, report.breaks) == ([], [])


async def test_more_than_one_seal_is_made_of_many_entries(database: Database) -> None:
    writer = _writer(database)
    for number in range(2 * SEAL_SIZE + 1):
        writer.note(_actor(f"look-{number}"), _notes())
    await writer.flush()
    sealed = await Sealer(database, KEY).seal()
    assert sealed is not None
    assert (sealed.position, sealed.entries) == (3, 1)
    report = await check(database, key=KEY)
    assert (report.entries, report.seals, report.problems) == (2 * SEAL_SIZE + 1, 3, [])


async def test_a_batch_whose_commit_was_not_answered_is_written_once(database: Database) -> None:
    writer = _writer(database)
    writer.note(_actor("look"), _notes())
    batch = await writer._next_batch()
    # It was committed, but the answer was lost: the writer still has it.
    await database.transact(lambda connection: access_log_db.insert_entries(connection, batch))
    writer._batch = batch
    writer.note(_actor("look again"), _notes())
    await writer.flush()
    report = await check(database, key=KEY)
    assert (report.entries, report.problems) == (2, [])


async def test_what_does_not_fit_in_memory_leaves_a_gap(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.access_log.writer.PENDING_MAX", 1)
    writer = _writer(database)
    for number in range(3):
        writer.note(_actor(f"look-{number}"), _notes())
    monkeypatch.undo()
    await writer.flush()
    writer.note(_actor("look-3"), _notes())
    await writer.flush()
    report = await check(database, key=KEY)
    assert report.entries == 2
    assert report.breaks[0].startswith(f"entries 1 to 2 of process {writer.writer} were never written, before ")
