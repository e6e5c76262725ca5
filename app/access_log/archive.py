"""Moves the oldest part of the access log into an archive: written, proven, recorded in the log, and only then deleted.

This needs a database user that may DELETE from the log's tables, which the gateway's own must not be.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from app.access_log import archive_files
from app.access_log.archive_files import ArchiveError, ArchiveWriter
from app.access_log.chain import Check
from app.access_log.check import sealed_batches
from app.access_log.entries import ARCHIVED, EntrySigner
from app.access_log.sealer import Sealer
from app.db import access_log as access_log_db
from app.db import access_log_removal as removal_db
from app.db.engine import Database
from app.domain.access_log_entries import AccessLogKey, ChainHead, Seal

ENTRIES_DELETED: Final = 1_000
ARCHIVIST: Final = "archive"


@dataclass(frozen=True, slots=True)
class Archived:
    """An archive, and what of the log it holds."""

    path: Path
    entries: int
    head: ChainHead


async def archive(
    database: Database,
    *,
    key: AccessLogKey,
    before: datetime,
    directory: Path,
    now: Callable[[], datetime],
) -> Archived | None:
    """Archive and delete every seal made before this time, but not the last one: the chain goes on from it.

    None if there is none. ArchiveError if the log is not intact, if the file cannot be written or does not read back as
    it was written; nothing is deleted then.
    """
    async with database.reading() as connection:
        last = await removal_db.last_seal_before(connection, before)
    if last is None:
        return None
    path = await _write(database, key, last, directory)
    entries = _prove(path, key, last.head)
    await _record(database, key, last.head, now())
    await _delete(database, last.position)
    return Archived(path, entries, last.head)


async def _write(database: Database, key: AccessLogKey, last: Seal, directory: Path) -> Path:
    walk = Check(key)
    writer: ArchiveWriter | None = None
    try:
        async for batch in sealed_batches(database, 0, last):
            writer = writer or ArchiveWriter(directory, batch.seal.position)
            walk.take(batch)
            _refuse_problems(walk)
            writer.add(batch)
        if writer is None or walk.report.head != last.head:
            raise ArchiveError("the access log is not intact: run billing audit-verify")
        return writer.finish(last.head)
    except OSError as error:
        raise ArchiveError(f"cannot write an archive into {directory}: {error.strerror}") from None
    finally:
        if writer is not None:
            writer.discard()


def _refuse_problems(walk: Check) -> None:
    if walk.report.problems:
        raise ArchiveError(f"the access log is not intact, {walk.report.problems[0]}: run billing audit-verify")


def _prove(path: Path, key: AccessLogKey, head: ChainHead) -> int:
    """Read the archive back from the disk; how many entries it holds."""
    walk = Check(key)
    for batch in archive_files.read(path):
        walk.take(batch)
    if walk.report.problems or walk.report.head != head:
        raise ArchiveError(f"{path.name} does not read back as it was written: nothing was deleted")
    return walk.report.entries


async def _record(database: Database, key: AccessLogKey, head: ChainHead, at: datetime) -> None:
    """Say in the log itself where it begins from now on."""
    entry = EntrySigner(key, ARCHIVIST).of_process(at, ARCHIVED, detail=f"{head.position}:{head.digest}")
    await database.transact(lambda connection: access_log_db.insert_entries(connection, [entry]))
    await Sealer(database, key).seal()


async def _delete(database: Database, last: int) -> None:
    """From the oldest seal on, a slice at a time; after an interruption the rest is archived once more."""
    while True:
        upto = await database.transact(
            lambda connection: removal_db.delete_oldest(connection, last=last, entries=ENTRIES_DELETED)
        )
        if upto is None:
            return
