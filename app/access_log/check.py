"""Checks the whole access log, in the database and in archives."""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Final

from app.access_log import archive_files
from app.access_log.chain import ChainChecker, Report, SealedBatch
from app.db import access_log as access_log_db
from app.db.engine import Database
from app.domain.access_log_entries import AccessLogKey, ChainHead, Seal

SEALS_READ: Final = 500
ENTRIES_READ: Final = 2_000
UNSEALED_READ: Final = 20_000


async def check(
    database: Database,
    *,
    key: AccessLogKey,
    expected: ChainHead | None = None,
    archives: Sequence[Path] = (),
    on_progress: Callable[[int], None] | None = None,
) -> Report:
    """Read the archives in the order of their seals, then the database, and report what is wrong.

    `expected` is an end of the chain noted earlier. ArchiveError for a file that is not an archive of the access log.
    """
    checker = ChainChecker(key, expected)
    async with database.reading() as connection:
        # Read first, so that the check ends although other processes go on sealing.
        end = await access_log_db.head(connection)
    for batch in archive_files.read_all(archives):
        checker.add(batch)
    async for batch in sealed_batches(database, checker.report.head.position, end):
        checker.add(batch)
        if on_progress is not None:
            on_progress(checker.report.entries)
    await _check_unsealed(database, checker)
    return checker.finish()


async def sealed_batches(database: Database, after: int, end: Seal | None) -> AsyncIterator[SealedBatch]:
    """The seals after the position up to `end`, in order, with their entries."""
    last = 0 if end is None else end.position
    while after < last:
        async with database.reading() as connection:
            seals = await access_log_db.seals_after(connection, after, SEALS_READ)
            seals = _first_seals([seal for seal in seals if seal.position <= last])
            if not seals:
                return
            span = seals[0].position, seals[-1].position
            listed = await access_log_db.listed(connection, *span)
            entries = await access_log_db.sealed_entries(connection, *span)
        for seal in seals:
            yield SealedBatch(seal, listed.get(seal.position, []), entries)
        after = span[1]


def _first_seals(seals: Sequence[Seal]) -> list[Seal]:
    """The first seals with at most ENTRIES_READ entries together, but at least one."""
    found: list[Seal] = []
    entries = 0
    for seal in seals:
        entries += seal.entries
        if found and entries > ENTRIES_READ:
            break
        found.append(seal)
    return found


async def _check_unsealed(database: Database, checker: ChainChecker) -> None:
    """Check entries that are not sealed, and person rows without an entry, one range of ids at a time."""
    after: str | None = ""
    while after is not None:
        async with database.reading() as connection:
            upto = await access_log_db.entry_at(connection, after, UNSEALED_READ)
            unsealed = await access_log_db.unsealed_entries(connection, after, upto)
            entries = await access_log_db.entries_by_ids(connection, unsealed)
            orphans = await access_log_db.orphans(connection, after, upto)
        for entry_id, written in sorted(entries.items()):
            checker.add_unsealed(entry_id, written, unsealed[entry_id])
        for entry_id in orphans:
            checker.add_orphan(entry_id)
        after = upto
