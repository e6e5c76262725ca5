"""Removing archived seals with their entries; the only statements that delete from the access log."""

from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.access_log import SEAL
from app.db.access_log_tables import access_log_entries
from app.db.access_log_tables import access_log_persons as persons
from app.db.access_log_tables import access_log_sealed as sealed
from app.db.access_log_tables import access_log_seals as seals
from app.db.engine import fetch_one, run, scalar
from app.domain.access_log_entries import Seal

TABLE: Final = access_log_entries.name


async def last_seal_before(connection: AsyncConnection, before: datetime) -> Seal | None:
    """The last of the seals at the front that were made before this time, leaving one in the log at least."""
    kept = select(seals.c.position).where(seals.c.sealed_at >= before).order_by(seals.c.position).limit(1)
    first_kept = await scalar(connection, kept)
    if first_kept is None:
        first_kept = await scalar(connection, select(func.max(seals.c.position)))
    query = select(*SEAL).where(seals.c.position < (first_kept or 0)).order_by(seals.c.position.desc()).limit(1)
    return await fetch_one(connection, query, Seal)


async def entries_upto(connection: AsyncConnection, position: int) -> int:
    """How many entries the seals up to this one cover."""
    query = select(func.coalesce(func.sum(seals.c.entries), 0)).where(seals.c.position <= position)
    return int(await scalar(connection, query))


async def delete_oldest(connection: AsyncConnection, *, last: int, entries: int) -> int | None:
    """Delete the oldest seals up to `last`, about so many entries of them; the last one that went, None if none did."""
    upto = await _upto(connection, last, entries)
    if upto is None:
        return None
    # As a list: MariaDB 10 reads the whole table for a DELETE by a subquery.
    query = select(sealed.c.entry_id).where(sealed.c.position <= upto)
    gone = [row.entry_id for row in (await connection.execute(query)).all()]
    await run(connection, delete(persons).where(persons.c.entry_id.in_(gone)))
    await run(connection, delete(access_log_entries).where(access_log_entries.c.id.in_(gone)))
    await run(connection, delete(sealed).where(sealed.c.position <= upto))
    await run(connection, delete(seals).where(seals.c.position <= upto))
    return upto


async def _upto(connection: AsyncConnection, last: int, wanted: int) -> int | None:
    query = select(seals.c.position, seals.c.entries).where(seals.c.position <= last)
    upto, found = None, 0
    for row in (await connection.execute(query.order_by(seals.c.position).limit(wanted))).all():
        upto, found = row.position, found + row.entries
        if found >= wanted:
            break
    return upto
