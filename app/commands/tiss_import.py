"""Importing a document from the operator's console: stored, then imported like one that was uploaded."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Final

import typer

from app.commands import console
from app.db import imports as imports_db
from app.db.engine import Database
from app.db.imports import ImportJobRecord, ImportResultRecord
from app.domain.actor import Actor
from app.domain.errors import Failure
from app.domain.imports import ImportOutcome
from app.runtime.build import changes_of, console_actor
from app.services import import_now

PART_BYTES: Final = 256 * 1024
RESULTS_AT_ONCE: Final = 500
WORDS: Final = {
    ImportOutcome.TAKEN: "imported",
    ImportOutcome.TAKEN_WITH_WARNINGS: "imported with warnings",
    ImportOutcome.UNCHANGED: "unchanged",
    ImportOutcome.REFUSED: "refused",
}


def import_tiss(
    file: Annotated[Path, typer.Argument(help="A TISS lote, XML, or a zip of several.")],
    subject: Annotated[
        str, typer.Option("--as", help="In whose name: who claims and history say has done it.")
    ] = "import-tiss",
) -> None:
    """Store a TISS document and import its guides as submitted claims, with a result for each."""
    try:
        size = file.stat().st_size
        if file.is_dir() or not size:
            console.fail(f"cannot import {file}: it is empty, or a directory")
    except OSError as error:
        console.fail(f"cannot read {file}: {error.strerror}")
    job = console.with_database(lambda database: _imported(database, file, console_actor(subject)))
    if job.failures or job.refused:
        raise typer.Exit(console.EXIT_BAD_INPUT)


async def _imported(database: Database, file: Path, actor: Actor) -> ImportJobRecord:
    changes = changes_of(console.settings(), database)
    try:
        document_id = await import_now.store(database, changes, actor, _parts(file))
        job = await import_now.start(changes, actor, document_id)
        console.note(f"document {document_id}, import job {job.id}")
        with console.progress("guides") as bar:
            task = bar.add_task("guides", total=None)
            job = await import_now.to_end(
                database, changes, job, lambda now: bar.update(task, total=now.total or None, completed=now.done)
            )
    finally:
        await changes.children.stop()
    async for result in _results(database, job):
        _show(result)
    for failure in job.failures:
        console.say(f"document refused: {failure.message}{_tiss(failure)}")
    console.say(f"{job.taken + job.warned} imported, {job.unchanged} unchanged, {job.refused} refused")
    return job


async def _parts(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as opened:
        while part := await asyncio.to_thread(opened.read, PART_BYTES):
            yield part


async def _results(database: Database, job: ImportJobRecord) -> AsyncIterator[ImportResultRecord]:
    after = 0
    while True:
        async with database.reading() as connection:
            found = await imports_db.results_of(connection, job.id, RESULTS_AT_ONCE, after)
        for each in found:
            yield each
        if len(found) < RESULTS_AT_ONCE:
            return
        after = found[-1].position


def _show(result: ImportResultRecord) -> None:
    of_none = f"file {result.file}" if result.file else f"guide without a number, in place {result.position}"
    what = f"guide {result.number}" if result.number else of_none
    console.say(f"{what}: {WORDS[result.outcome]} {result.claim_id or ''}".rstrip())
    for failure in result.failures:
        place = f" at {failure.field}" if failure.field else ""
        console.say(f"  {failure.code.value}{place}: {failure.message}{_tiss(failure)}")
    for finding in result.warnings:
        console.say(f"  {finding.severity.value} {finding.code.value}: {finding.message}")


def _tiss(failure: Failure) -> str:
    return f" [TISS {failure.tiss_code}]" if failure.tiss_code else ""
