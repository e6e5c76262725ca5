"""Queries on the access log: entries and seals are inserted and read; nothing here changes or deletes a row."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import clock
from app.db.access_log_tables import access_log_entries as entries
from app.db.access_log_tables import access_log_persons as persons
from app.db.access_log_tables import access_log_sealed as sealed
from app.db.access_log_tables import access_log_seals as seals
from app.db.counting import count_of, row_count
from app.db.engine import batches, scalar
from app.db.paging import Keyset
from app.db.rows import insert_rows
from app.db.statements import query, query_one, query_pairs, query_total
from app.db.tables import claims
from app.domain.access_log import AccessDecision, AccessKind, PurposeOfUse
from app.domain.access_log_entries import AccessedPerson, AccessEntry, Seal, SignedEntry, plain_time
from app.domain.actor import Door
from app.values.frozen import frozen

ENTRY = tuple(entries.c[name] for name in AccessEntry.__dataclass_fields__)
PERSON = tuple(persons.c[name] for name in AccessedPerson._fields)
# An outer join, since MariaDB answers NOT EXISTS by reading every row that was ever sealed.
_WITH_SEALS = entries.outerjoin(sealed, sealed.c.entry_id == entries.c.id)
_IS_IN_NO_SEAL = sealed.c.entry_id.is_(None)
SEAL = tuple(seals.c[name] for name in Seal.__dataclass_fields__)


@frozen
class PersonAccess:
    """One access to one person's data, as that person sees it."""

    id: str
    at: datetime
    door: Door
    kind: AccessKind
    roles: str
    entry_purpose: PurposeOfUse
    operation: str
    decision: AccessDecision
    data_classes: str
    emergency_access_id: str | None

    @property
    def purpose(self) -> PurposeOfUse:
        """What for; an emergency access goes before the purpose of the caller's role."""
        return self.entry_purpose if self.emergency_access_id is None else PurposeOfUse.BTG


@frozen
class Unsealed:
    """An entry that waits for its seal, and the database's time when it was read."""

    entry_id: str
    digest: str
    read_at: datetime


PERSON_ACCESS = (
    persons.c.entry_id,
    persons.c.at,
    entries.c.door,
    entries.c.kind,
    entries.c.roles,
    entries.c.purpose,
    entries.c.operation,
    entries.c.decision,
    persons.c.data_classes,
    persons.c.emergency_access_id,
)


async def insert_entries(connection: AsyncConnection, signed: Sequence[SignedEntry]) -> None:
    """Add entries with their person rows: two statements, whatever their number."""
    await insert_rows(connection, entries, [(*each.entry.plain(), each.digest) for each in signed])
    await insert_rows(connection, persons, [row for each in signed for row in _person_rows(each)])


def _person_rows(signed: SignedEntry) -> Iterable[tuple[str | None, ...]]:
    identifier, at = signed.entry.id, plain_time(signed.entry.at)
    for one in signed.persons:
        yield (identifier, one.person, at, one.data_classes, one.emergency_access_id, one.object_ids)


async def is_written(connection: AsyncConnection, entry_id: str) -> bool:
    """Whether the entry is there."""
    return await scalar(connection, select(entries.c.id).where(entries.c.id == entry_id)) is not None


async def patients_of(connection: AsyncConnection, claim_ids: Collection[str]) -> dict[str, str]:
    """Claim id -> patient id; for the log alone, which must know whose data it was whoever looked at it."""
    found: dict[str, str] = {}
    for batch in batches(sorted(claim_ids)):
        found |= await _patients_of(connection, batch)
    return found


@query_pairs(lambda patient_id: patient_id)
def _patients_of(claim_ids: Collection[str]) -> Select[Any]:
    # The comment tells whoever looks at the server why claims are read without a scope.
    query = select(claims.c.id, claims.c.patient_id).prefix_with("/* for access_log */")
    return query.where(claims.c.id.in_(claim_ids))


@query_one(Seal)
def head() -> Select[Any]:
    """The last seal."""
    return select(*SEAL).order_by(seals.c.position.desc()).limit(1)


async def unsealed(connection: AsyncConnection, since: str, limit: int) -> list[Unsealed]:
    """Entries that are in no seal, from the id `since` on, in the order of their ids."""
    return await _unsealed(connection, since, limit, clock.time_of(connection))


@query(Unsealed)
def _unsealed(since: str, limit: int, time: ColumnElement[datetime]) -> Select[Any]:
    query = select(entries.c.id, entries.c.digest, time).select_from(_WITH_SEALS)
    return query.where(entries.c.id >= since, _IS_IN_NO_SEAL).order_by(entries.c.id).limit(limit)


async def unsealed_entries(connection: AsyncConnection, after: str, upto: str | None) -> dict[str, int | None]:
    """Id -> position, for entries after `after` (and up to `upto`, if given) that no seal in the log covers, in order.

    The position is that of a seal which does not exist, None for entries that wait for their seal.
    """
    with_seals = _WITH_SEALS.outerjoin(seals, and_(seals.c.position == sealed.c.position, seals.c.position > 0))
    query = select(entries.c.id, sealed.c.position).select_from(with_seals)
    query = query.where(*_between(entries.c.id, after, upto), seals.c.position.is_(None)).order_by(entries.c.id)
    return {row.id: row.position for row in (await connection.execute(query)).all()}


@query(lambda entry_id: entry_id)
def orphans(after: str, upto: str | None) -> Select[Any]:
    """Entry ids after `after` (and up to `upto`, if given) that have person rows and no entry, in order."""
    with_entries = persons.outerjoin(entries, entries.c.id == persons.c.entry_id)
    chosen = (*_between(persons.c.entry_id, after, upto), entries.c.id.is_(None))
    query = select(persons.c.entry_id).select_from(with_entries).where(*chosen)
    return query.distinct().order_by(persons.c.entry_id)


def _between(column: ColumnElement[str], after: str, upto: str | None) -> list[ColumnElement[bool]]:
    return [column > after] if upto is None else [column > after, column <= upto]


async def entry_at(connection: AsyncConnection, after: str, offset: int) -> str | None:
    """The id of the entry that many places after `after`; None if the log ends before."""
    query = select(entries.c.id).where(entries.c.id > after).order_by(entries.c.id).limit(1).offset(offset)
    found: str | None = await scalar(connection, query)
    return found


async def insert_seal(connection: AsyncConnection, seal: Seal, entry_ids: Iterable[str]) -> None:
    """Add a seal over these entries; IntegrityError if another process took its position or sealed one of them.

    The seal goes first: whoever comes second waits at its position, and not at one entry after the other.
    """
    row = (seal.position, seal.digest, seal.previous, plain_time(seal.sealed_at), seal.entries, seal.last_entry_id)
    await insert_rows(connection, seals, [row])
    await insert_rows(connection, sealed, [(entry_id, seal.position) for entry_id in entry_ids])


@query(Seal)
def seals_after(position: int, limit: int) -> Select[Any]:
    """Seals after the position, in order."""
    return select(*SEAL).where(seals.c.position > position).order_by(seals.c.position).limit(limit)


async def listed(connection: AsyncConnection, first: int, last: int) -> dict[int, list[str]]:
    """Position -> ids of the entries that the seals from `first` to `last` cover, in the order of their ids."""
    query = select(sealed.c.position, sealed.c.entry_id).where(sealed.c.position.between(first, last))
    found: dict[int, list[str]] = {}
    for row in (await connection.execute(query.order_by(sealed.c.position, sealed.c.entry_id))).all():
        found.setdefault(row.position, []).append(row.entry_id)
    return found


async def sealed_entries(connection: AsyncConnection, first: int, last: int) -> dict[str, SignedEntry]:
    """Id -> entry, for the entries that the seals from `first` to `last` cover and that are there."""
    return await _signed(connection, sealed, and_(sealed.c.position.between(first, last)))


async def entries_by_ids(connection: AsyncConnection, ids: Collection[str]) -> dict[str, SignedEntry]:
    """Id -> entry, for those that are there."""
    return await _signed(connection, None, entries.c.id.in_(sorted(ids)))


async def _signed(
    connection: AsyncConnection, through: Table | None, chosen: ColumnElement[bool]
) -> dict[str, SignedEntry]:
    of_entries = select(*ENTRY, entries.c.digest)
    # A row with another time than its entry is not one of its rows: no digest covers the copy.
    is_of_entry = and_(persons.c.entry_id == entries.c.id, persons.c.at == entries.c.at)
    of_persons = select(persons.c.entry_id, *PERSON).join(entries, is_of_entry)
    if through is not None:
        of_entries = of_entries.join(through, through.c.entry_id == entries.c.id)
        of_persons = of_persons.join(through, through.c.entry_id == entries.c.id)
    seen: dict[str, list[AccessedPerson]] = {}
    query = of_persons.where(chosen).order_by(persons.c.entry_id, persons.c.person)
    for entry_id, *rest in (await connection.execute(query)).all():
        seen.setdefault(entry_id, []).append(AccessedPerson(*rest))
    rows = (await connection.execute(of_entries.where(chosen))).all()
    return {row.id: SignedEntry(AccessEntry(*row[:-1]), seen.get(row.id, ()), row.digest) for row in rows}


async def process_entries(connection: AsyncConnection, operation: str) -> list[SignedEntry]:
    """The entries about this event of a process, sealed or not; reads the whole table."""
    is_event = and_(entries.c.kind == AccessKind.PROCESS, entries.c.operation == operation)
    return list((await _signed(connection, None, is_event)).values())


@query_one(PersonAccess)
def of_person(digests: tuple[str, ...], entry_id: str) -> Select[Any]:
    """The access with this id, if it was to the data of the person with one of these digests."""
    query = select(*PERSON_ACCESS).join(entries, entries.c.id == persons.c.entry_id)
    return query.where(_is_person(digests), entries.c.id == entry_id)


@query(PersonAccess)
def page(digests: tuple[str, ...], keyset: Keyset) -> Select[Any]:
    """Accesses to one person's data, under one of these digests."""
    query = select(*PERSON_ACCESS).join(entries, entries.c.id == persons.c.entry_id).where(_is_person(digests))
    return keyset.apply(query)


@query_total(row_count)
def count(digests: tuple[str, ...]) -> Select[Any]:
    """How many accesses there were to one person's data, under one of these digests."""
    return count_of(select(persons.c.entry_id).where(_is_person(digests)))


def _is_person(digests: tuple[str, ...]) -> ColumnElement[bool]:
    # Nearly all persons have one: an index in the order of the list serves an equality, and no list.
    (first, *others) = digests
    if not others:
        return persons.c.person == first
    # An entry about both patients of a merge has a row for each of them, and is one entry.
    twin = persons.alias("twin")
    is_twin = and_(twin.c.entry_id == persons.c.entry_id, twin.c.person.in_(digests), twin.c.person < persons.c.person)
    return and_(persons.c.person.in_(digests), ~exists().where(is_twin))
