"""Importing a document while its caller waits: stored, then imported like one that was uploaded."""

import asyncio
from collections.abc import AsyncIterable
from contextlib import suppress
from typing import Final

from app.db import imports as imports_db
from app.db.engine import Database
from app.db.imports import ImportJobRecord
from app.domain.actor import Actor
from app.domain.data_scope import EVERYTHING
from app.domain.imports import OPEN
from app.services import imports
from app.services.documents import Upload
from app.services.import_runner import ImportRunner, Progress
from app.unit_of_work.run import Changes

LOOK_SECONDS: Final = 0.5


async def store(database: Database, changes: Changes, actor: Actor, parts: AsyncIterable[bytes]) -> str:
    """The id of the stored document, whose bytes come in parts."""
    upload = Upload(database)
    await upload.begin()
    try:
        async for part in parts:
            await upload.add(part)
        return (await upload.finish(changes, actor)).id
    except Exception:
        await upload.abandon()
        raise


async def start(changes: Changes, actor: Actor, document_id: str) -> ImportJobRecord:
    """The queued import of a stored document."""
    return (await changes.run(imports.START, actor, {"document_id": document_id})).value


async def to_end(
    database: Database, changes: Changes, job: ImportJobRecord, on_progress: Progress = lambda _job: None
) -> ImportJobRecord:
    """The job at its end; a gateway that runs meanwhile may have taken it, or may take it over."""
    runner = ImportRunner(database, changes, changes.children, is_resting=False)
    while job.status in OPEN:
        await runner.run(job, on_progress)
        async with database.reading() as connection:
            (job,) = await imports_db.by_ids(connection, EVERYTHING, [job.id])
        on_progress(job)
        if job.status in OPEN:
            with suppress(TimeoutError):
                await asyncio.sleep(LOOK_SECONDS)
    return job
