"""Queries on the access log: entries are inserted, sealed in order, and read; nothing here changes or deletes one."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Insert, case, func, select, update
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.access_log_tables import audit_head, audit_log
from app.db.engine import fetch, fetch_one, run, scalar
from app.db.paging import Keyset
from app.db.tables import claims
from app.domain.access_log import FIRST_HASH, Entry

ENTRY = tuple(audit_log.c[name] for name in Entry.__dataclass_fields__)
_HEAD = 1


@dataclass(frozen=True, slots=True)
class ChainHead:
    """Where the sealed part of the log ends."""

    position: int
    hash: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry in its place."""

    position: int
    hash: str
    entry: Entry


async def insert_entries(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    """Add entries; one whose id is there already is left as it is, so that a repeated unit of work adds nothing."""
    if entries:
        await connection.execute(_insert(connection), [asdict(entry) for entry in entries])


def _insert(connection: AsyncConnection) -> Insert:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(audit_log).on_conflict_do_nothing()
    return mysql.insert(audit_log).on_duplicate_key_update(id=audit_log.c.id)


async def patients_of(connection: AsyncConnection, claim_ids: Collection[str]) -> dict[str, str]:
    """Claim id -> patient id; for the log alone, which must know whose data it was whoever looked at it."""
    if not claim_ids:
        return {}
    # The comment tells whoever looks at the server why claims are read without a scope.
    query = select(claims.c.id, claims.c.patient_id).prefix_with("/* for audit_log */")
    query = query.where(claims.c.id.in_(sorted(claim_ids)))
    return {row.id: row.patient_id for row in (await connection.execute(query)).all()}


async def is_any_unsealed(connection: AsyncConnection) -> bool:
    """Whether an entry waits for its place."""
    return await scalar(connection, select(audit_log.c.id).where(audit_log.c.position.is_(None)).limit(1)) is not None


async def lock_head(connection: AsyncConnection) -> ChainHead:
    """The end of the sealed part, held until the transaction ends."""
    query = select(audit_head.c.position, audit_head.c.hash).where(audit_head.c.id == _HEAD).with_for_update()
    found = await fetch_one(connection, query, ChainHead)
    assert found is not None, "the migration makes the row"  # noqa: S101
    return found


async def head(connection: AsyncConnection) -> ChainHead:
    """The end of the sealed part."""
    found = await fetch_one(connection, select(audit_head.c.position, audit_head.c.hash), ChainHead)
    return found or ChainHead(0, FIRST_HASH)


async def unsealed(connection: AsyncConnection, limit: int) -> list[Entry]:
    """Entries without a place, in the order of their times."""
    query = select(*ENTRY).where(audit_log.c.position.is_(None)).order_by(audit_log.c.at, audit_log.c.id).limit(limit)
    return await fetch(connection, query, Entry)


async def seal(connection: AsyncConnection, places: dict[str, ChainHead]) -> None:
    """Give the entries of these ids their places, and move the head behind the last of them."""
    ids = audit_log.c.id
    values: dict[str, Any] = {
        "position": case({entry: place.position for entry, place in places.items()}, value=ids),
        "hash": case({entry: place.hash for entry, place in places.items()}, value=ids),
    }
    await run(connection, update(audit_log).where(ids.in_(list(places))).values(**values))
    last = list(places.values())[-1]
    await run(connection, update(audit_head).values(position=last.position, hash=last.hash))


async def sealed_after(connection: AsyncConnection, position: int, limit: int) -> list[Sealed]:
    """Sealed entries behind the position, in order."""
    columns = (audit_log.c.position, audit_log.c.hash, *ENTRY)
    query = select(*columns).where(audit_log.c.position > position).order_by(audit_log.c.position).limit(limit)
    return await fetch(connection, query, lambda place, digest, *rest: Sealed(place, digest, Entry(*rest)))


async def page(connection: AsyncConnection, person: str, keyset: Keyset) -> list[Entry]:
    """Entries about one person."""
    return await fetch(connection, keyset.apply(select(*ENTRY).where(audit_log.c.person == person)), Entry)


async def count(connection: AsyncConnection, person: str) -> int:
    """How many entries are about one person."""
    return int(await scalar(connection, select(func.count()).where(audit_log.c.person == person)))
