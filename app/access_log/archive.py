"""Moves the oldest part of the access log into an archive file.

The order makes a crash harmless: the file is written, read back and checked, the log records the archive, and only then
are rows deleted. After a crash in between, the same entries are archived again. Deleting needs a database user with the
DELETE privilege on the log's tables, which the gateway's own user must not have.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from app.access_log import archive_files
from app.access_log.archive_files import ArchiveError, ArchiveWriter
from app.access_log.chain import ChainChecker
from app.access_log.check import sealed_batches
from app.access_log.entries import ARCHIVED, EntrySigner
from app.access_log.sealer import Sealer
from app.db import access_log as access_log_db
from app.db import access_log_removal as removal_db
from app.db.engine import Database
from app.domain.access_log_entries import AccessLogKey, ChainHead, Seal
from app.values.frozen import frozen

ENTRIES_DELETED: Final = 1_000
ARCHIVIST: Final = "archive"


@frozen
class Archived:
    """An archive file, the number of its entries and the end of its chain."""

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
    """Archive and delete every seal made before this time, except the last seal of all, from which the chain continues.

    None if there are none. ArchiveError, with nothing deleted, if the log is not intact, or if the file cannot be
    written or reads back differently.
    """
    async with database.reading() as connection:
        last = await removal_db.last_seal_before(connection, before)
    if last is None:
        return None
    path = await _write(database, key, last, directory)
    entries = _verify(path, key, last.head)
    await _record(database, key, last.head, now())
    await _delete(database, last.position)
    return Archived(path, entries, last.head)


async def _write(database: Database, key: AccessLogKey, last: Seal, directory: Path) -> Path:
    checker = ChainChecker(key)
    writer: ArchiveWriter | None = None
    try:
        async for batch in sealed_batches(database, 0, last):
            writer = writer or ArchiveWriter(directory, batch.seal.position)
            checker.add(batch)
            _refuse_problems(checker)
            writer.add(batch)
        await _check_start(database, checker)
        if writer is None or checker.report.head != last.head:
            raise ArchiveError("the access log is not intact: run billing audit-verify")
        return writer.finish(last.head)
    except OSError as error:
        raise ArchiveError(f"cannot write an archive into {directory}: {error.strerror}") from None
    finally:
        if writer is not None:
            writer.discard()


async def _check_start(database: Database, checker: ChainChecker) -> None:
    """Refuse a log whose front was removed: the entry about this archive would account for what is missing."""
    async with database.reading() as connection:
        checker.check_start(await access_log_db.process_entries(connection, ARCHIVED))
    _refuse_problems(checker)


def _refuse_problems(checker: ChainChecker) -> None:
    if checker.report.problems:
        raise ArchiveError(f"the access log is not intact, {checker.report.problems[0]}: run billing audit-verify")


def _verify(path: Path, key: AccessLogKey, head: ChainHead) -> int:
    """Read the archive back from the disk and check it; the number of its entries."""
    checker = ChainChecker(key)
    for batch in archive_files.read(path):
        checker.add(batch)
    if checker.report.problems or checker.report.head != head:
        raise ArchiveError(f"{path.name} reads back differently: nothing was deleted, check the disk")
    return checker.report.entries


async def _record(database: Database, key: AccessLogKey, head: ChainHead, at: datetime) -> None:
    """Record in the log where it starts from now on: without such an entry, missing seals are reported as removed."""
    entry = EntrySigner(key, ARCHIVIST).of_process(at, ARCHIVED, detail=f"{head.position}:{head.digest}")
    await database.transact(lambda connection: access_log_db.insert_entries(connection, [entry]))
    await Sealer(database, key).seal()


async def _delete(database: Database, last: int) -> None:
    """Delete from the oldest seal on, in slices; after an interruption the rest is archived again."""
    while True:
        upto = await database.transact(
            lambda connection: removal_db.delete_oldest(connection, last=last, entries=ENTRIES_DELETED)
        )
        if upto is None:
            return
