"""The work of `billing purge`: deletes old rows, and moves the oldest part of the access log into an archive."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from app.access_log.archive import archive
from app.db import access_log_removal as removal_db
from app.db.engine import Database
from app.domain.access_log_entries import AccessLogKey
from app.services import retention
from app.services.retention import Expired, Rule
from app.values.frozen import frozen


@frozen
class AccessLogRule:
    """Entries of the access log sealed more than `days` ago move into an archive in `directory`, if given."""

    key: AccessLogKey
    days: int
    directory: Path | None


async def preview(database: Database, *, rules: tuple[Rule, ...], access_log: AccessLogRule) -> list[str]:
    """One line for each table: how much `purge` would delete."""
    lines = [_line(each, "would be deleted") for each in await retention.expired(database, rules)]
    would = "would stay: add --archive DIRECTORY" if access_log.directory is None else "would be archived and deleted"
    return [*lines, _line(await _expired_entries(database, access_log), would)]


async def purge(
    database: Database, *, rules: tuple[Rule, ...], access_log: AccessLogRule, now: Callable[[], datetime]
) -> list[str]:
    """Delete everything that is old enough; one line for each table. ArchiveError if no archive could be made."""
    lines = [_line(each, "deleted") for each in await retention.purge(database, rules)]
    if access_log.directory is None:
        return [*lines, _line(await _expired_entries(database, access_log), "stay: add --archive DIRECTORY")]
    before = await _limit(database, access_log)
    archived = await archive(database, key=access_log.key, before=before, directory=access_log.directory, now=now)
    removed = Expired(removal_db.TABLE, access_log.days, 0 if archived is None else archived.entries)
    target = "archived and deleted" if archived is None else f"archived in {archived.path} and deleted"
    return [*lines, _line(removed, target)]


async def _expired_entries(database: Database, access_log: AccessLogRule) -> Expired:
    before = await _limit(database, access_log)
    async with database.reading() as connection:
        last = await removal_db.last_seal_before(connection, before)
        rows = 0 if last is None else await removal_db.entries_upto(connection, last.position)
    return Expired(removal_db.TABLE, access_log.days, rows)


async def _limit(database: Database, access_log: AccessLogRule) -> datetime:
    return await retention.database_time(database) - timedelta(days=access_log.days)


def _line(expired: Expired, what: str) -> str:
    return f"{expired.table}: {expired.rows} rows older than {expired.days} days {what}"
