"""Checks the whole access log, in the database and in archives."""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Final

from app.access_log import archive_files
from app.access_log.chain import Check, Report, SealedBatch
from app.db import access_log as access_log_db
from app.db.engine import Database
from app.domain.access_log_entries import AccessLogKey, ChainHead, Seal

SEALS_READ: Final = 500
ENTRIES_READ: Final = 2_000
STRAYS_READ: Final = 20_000


async def check(
    database: Database,
    *,
    key: AccessLogKey,
    expected: ChainHead | None = None,
    archives: Sequence[Path] = (),
    on_progress: Callable[[int], None] | None = None,
) -> Report:
    """Read the archives in the order of their seals, then the database, and report what is wrong.

    `expected` is a place noted earlier. ArchiveError for a file that is no archive of the access log.
    """
    walk = Check(key, expected)
    async with database.reading() as connection:
        # Read first: what is sealed from now on is not looked at.
        end = await access_log_db.head(connection)
    for batch in archive_files.read_all(archives):
        walk.take(batch)
    async for batch in sealed_batches(database, walk.report.head.position, end):
        walk.take(batch)
        if on_progress is not None:
            on_progress(walk.report.entries)
    await _take_strays(database, walk)
    return walk.finish()


async def sealed_batches(database: Database, after: int, end: Seal | None) -> AsyncIterator[SealedBatch]:
    """The seals behind the position up to `end`, in order, with their entries."""
    last = 0 if end is None else end.position
    while after < last:
        async with database.reading() as connection:
            seals = await access_log_db.seals_after(connection, after, SEALS_READ)
            seals = _front([seal for seal in seals if seal.position <= last])
            if not seals:
                return
            span = seals[0].position, seals[-1].position
            listed = await access_log_db.listed(connection, *span)
            entries = await access_log_db.sealed_entries(connection, *span)
        for seal in seals:
            yield SealedBatch(seal, listed.get(seal.position, []), entries)
        after = span[1]


def _front(seals: Sequence[Seal]) -> list[Seal]:
    """As many of the seals as have a manageable number of entries together; one at least."""
    found: list[Seal] = []
    entries = 0
    for seal in seals:
        entries += seal.entries
        if found and entries > ENTRIES_READ:
            break
        found.append(seal)
    return found


async def _take_strays(database: Database, walk: Check) -> None:
    """Entries in no seal, and person rows without an entry, from one part of the log to the next."""
    after: str | None = ""
    while after is not None:
        async with database.reading() as connection:
            upto = await access_log_db.entry_at(connection, after, STRAYS_READ)
            unsealed = await access_log_db.unsealed_entries(connection, after, upto)
            entries = await access_log_db.entries_by_ids(connection, unsealed)
            orphans = await access_log_db.orphans(connection, after, upto)
        for entry_id, written in sorted(entries.items()):
            walk.take_unsealed(entry_id, written)
        for entry_id in orphans:
            walk.take_orphan(entry_id)
        after = upto
