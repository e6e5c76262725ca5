"""Queries on the outbox: events are stored in the transaction of their change, published from here, and then remain
as the event log."""

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import count, repeat, takewhile
from typing import Any, Self

from sqlalchemy import Select, Update, and_, case, delete, exists, false, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import leadership
from app.db.clock import DATABASE_TIME
from app.db.engine import fetch, fetch_one, run, scalar
from app.db.event_tables import leases
from app.db.filters import Condition
from app.db.leadership import Lease
from app.db.records import columns, insert_records
from app.db.scoping import events_in
from app.db.shapes import padded
from app.db.statements import query, query_one, query_pairs, writing
from app.db.tables import outbox
from app.db.types import NEVER_STORED
from app.domain.data_scope import DataScope
from app.values.frozen import frozen


@frozen
class NewEvent:
    event_id: str
    name: str
    aggregate_id: str
    provider_cnes: str | None
    payer_ans: str | None
    patient_id: str | None
    data: str
    recorded_at: datetime


@frozen
class OutboxRecord:
    id: int
    event_id: str
    name: str
    aggregate_id: str
    provider_cnes: str | None
    payer_ans: str | None
    patient_id: str | None
    data: str
    recorded_at: datetime
    position: int | None


@frozen
class WaitingEvent:
    """A row that is not published, and the last position in the log when it was read."""

    row: OutboxRecord
    is_parked: bool
    last_position: int

    @classmethod
    def of(cls, *columns: Any) -> Self:
        """That of the columns of an OutboxRecord, `parked_at` and the last position."""
        *row, parked_at, last_position = columns
        return cls(OutboxRecord(*row), parked_at is not None, int(last_position))


@frozen
class Backlog:
    """How many rows are not yet published, and when the oldest of them was recorded."""

    pending: int
    oldest: datetime | None


@frozen
class ParkedRecord:
    """An event that could not be published, and why."""

    event_id: str
    name: str
    aggregate_id: str
    parked_at: datetime
    parked_reason: str


@frozen
class LogRange:
    """The first and the last position in the event log; both 0 while it is empty."""

    first: int
    last: int


@frozen
class LogPlace:
    """A place in the event log: after the event with this position and id; 0 and empty for its beginning."""

    position: int
    event_id: str


OUTBOX = columns(outbox, OutboxRecord)
PARKED = columns(outbox, ParkedRecord)


async def _is_parked(connection: AsyncConnection) -> Condition:
    """Whether the event is parked, or is later than a parked one of its aggregate.

    Few events are ever parked, so they are read first and named in the condition: a subquery over the whole log in
    every statement of the relay is spared.
    """
    first = padded(await _first_parked(connection), repeat((NEVER_STORED, 0)))
    return or_(
        false(), *[and_(outbox.c.aggregate_id == aggregate, outbox.c.id >= row_id) for aggregate, row_id in first]
    )


@query(lambda aggregate_id, row_id: (aggregate_id, row_id))
def _first_parked() -> Select[Any]:
    parked_rows = select(outbox.c.aggregate_id, func.min(outbox.c.id)).where(outbox.c.parked_at.is_not(None))
    return parked_rows.group_by(outbox.c.aggregate_id)


async def _is_unknown(connection: AsyncConnection, known: Collection[str]) -> Condition:
    """Whether the event is to be published and has a name that is not known, or is later than such a one of its
    aggregate."""
    names = sorted(known)
    if await _first_unknown(connection, names) is None:
        return false()
    unknown = outbox.alias("unknown")
    is_before = (unknown.c.aggregate_id == outbox.c.aggregate_id) & (unknown.c.id <= outbox.c.id)
    return exists().where(is_before, unknown.c.published_at.is_(None), unknown.c.name.not_in(names))


@query_one(int)
def _first_unknown(names: list[str]) -> Select[Any]:
    return select(outbox.c.id).where(outbox.c.published_at.is_(None), outbox.c.name.not_in(names)).limit(1)


async def insert_events(connection: AsyncConnection, events: Sequence[NewEvent]) -> None:
    """Store events in the caller's transaction."""
    await insert_records(connection, outbox, events)


async def may_be_published(connection: AsyncConnection, known: Collection[str]) -> Condition:
    """Neither parked nor unknown, nor later than such an event of its aggregate; `known` are the names that are."""
    return ~await _is_parked(connection) & ~await _is_unknown(connection, known)


async def unnumbered(connection: AsyncConnection, batch_size: int, may_be: Condition) -> list[OutboxRecord]:
    """Committed rows without a position, in id order, that may be published (`may_be_published`)."""
    unnumbered_rows = outbox.c.position.is_(None) & may_be
    query = select(*OUTBOX).where(unnumbered_rows).order_by(outbox.c.id).limit(batch_size)
    return await fetch(connection, query, OutboxRecord)


@query_one(int)
def last_position() -> Select[Any]:
    """The last position in the log; 0 while it is empty."""
    return select(func.coalesce(func.max(outbox.c.position), 0))


async def number(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Give these rows the next positions, without gaps; only the relay leader may call this.

    Concurrent writers commit in another order than their row ids were assigned: a position assigned at the insert could
    appear after a higher one was published. So one process assigns it, after the commit.
    """
    if ids:
        last = await last_position(connection) or 0
        # Row ids are positive: no row has a filler's.
        wanted = padded(ids, count(-1, -1))
        positions = {row_id: last + index for index, row_id in enumerate(wanted, start=1)}
        numbered = update(outbox).where(outbox.c.id.in_(ids))
        await run(connection, numbered.values(position=case(positions, value=outbox.c.id)))


async def unpublished(connection: AsyncConnection, batch_size: int, may_be: Condition) -> list[OutboxRecord]:
    """The next numbered rows that the broker does not have yet, in position order, that may be published."""
    pending = outbox.c.published_at.is_(None) & outbox.c.position.is_not(None)
    query = select(*OUTBOX).where(pending, may_be)
    query = query.order_by(outbox.c.position).limit(batch_size)
    return await fetch(connection, query, OutboxRecord)


@query(OutboxRecord)
def numbered_after(after: int, batch_size: int, before: int | None = None) -> Select[Any]:
    """The next rows after position `after` and (if given) before position `before`, in order.

    Rows not yet marked as published count too: the broker may have delivered them before the relay marks them.
    """
    position = outbox.c.position
    query = select(*OUTBOX).where(position > after).order_by(position).limit(batch_size)
    return query if before is None else query.where(position < before)


@query(OutboxRecord)
def named_after(scope: DataScope, after: int, names: Collection[str], batch_size: int) -> Select[Any]:
    """The next rows of these event names after the position within the scope, in order."""
    position = outbox.c.position
    query = select(*OUTBOX).where(position > after, outbox.c.name.in_(sorted(names)), events_in(scope))
    return query.order_by(position).limit(batch_size)


async def log_range(connection: AsyncConnection) -> LogRange:
    """Which positions the event log contains."""
    query = select(func.coalesce(func.min(outbox.c.position), 0), func.coalesce(func.max(outbox.c.position), 0))
    return await fetch_one(connection, query, LogRange) or LogRange(0, 0)


async def end_of_log(connection: AsyncConnection) -> LogPlace:
    """The place after the last numbered event."""
    query = select(outbox.c.position, outbox.c.event_id).where(outbox.c.position.is_not(None))
    query = query.order_by(outbox.c.position.desc()).limit(1)
    return await fetch_one(connection, query, LogPlace) or LogPlace(0, "")


async def event_at(connection: AsyncConnection, position: int) -> str | None:
    """The id of the event at this position; None if the log does not contain it."""
    found = await scalar(connection, select(outbox.c.event_id).where(outbox.c.position == position))
    return None if found is None else str(found)


@query(WaitingEvent.of)
def waiting(rows_max: int) -> Select[Any]:
    """The first rows that are not published, whether they may be or not: without a position first, by id, then by
    position; also the last position so far."""
    log = outbox.alias("log")
    last = select(func.coalesce(func.max(log.c.position), 0)).scalar_subquery()
    query = select(*OUTBOX, outbox.c.parked_at, last).where(outbox.c.published_at.is_(None))
    return query.order_by(outbox.c.position, outbox.c.id).limit(rows_max)


@writing
def assign_positions(positions: list[tuple[int, int]], lease: Lease | None) -> Update:
    """Give the rows of these ids these positions and, with a lease, renew it; nothing if it is lost.

    The positions must be the next ones, in the order of the ids (see `number`).
    """
    numbered = update(outbox).where(outbox.c.id.in_([row_id for row_id, _ in positions]))
    position = case(dict(positions), value=outbox.c.id)
    return _led(numbered, {outbox.c.position: position}, lease)


@writing
def mark_published(positions: list[int], now: datetime, lease: Lease | None) -> Update:
    """Mark rows that the broker has acknowledged and, with a lease, renew it; nothing if it is lost."""
    marked = update(outbox).where(outbox.c.position.in_(positions))
    return _led(marked, {outbox.c.published_at: now}, lease)


def _led(statement: Update, values: dict[Any, Any], lease: Lease | None) -> Update:
    """The statement with these values; with a lease, it changes two tables at once, or none."""
    if lease is None:
        return statement.values(values)
    return statement.where(leadership.is_held(lease)).values(values | {leases.c.renewed_at: DATABASE_TIME})


async def publish_again(connection: AsyncConnection, first: int, last: int | None) -> int:
    """Let the relay publish the rows from `first` on (to `last`, if given) again; how many there are."""
    chosen = update(outbox).where(outbox.c.position >= first, outbox.c.published_at.is_not(None))
    chosen = chosen if last is None else chosen.where(outbox.c.position <= last)
    return await run(connection, chosen.values(published_at=None))


async def park(connection: AsyncConnection, row_id: int, *, reason: str, now: datetime) -> None:
    """Hold back this row and with it every later one of its aggregate."""
    await run(connection, update(outbox).where(outbox.c.id == row_id).values(parked_at=now, parked_reason=reason[:200]))


@query(ParkedRecord)
def parked() -> Select[Any]:
    """The events that could not be published, the oldest first."""
    return select(*PARKED).where(outbox.c.parked_at.is_not(None)).order_by(outbox.c.id)


async def aggregates_among(connection: AsyncConnection, aggregate_ids: Collection[str]) -> set[str]:
    """Those of the aggregates that have an event in the log."""
    query = select(outbox.c.aggregate_id).where(outbox.c.aggregate_id.in_(sorted(aggregate_ids))).distinct()
    return set((await connection.execute(query)).scalars())


async def release(connection: AsyncConnection, aggregate_ids: Collection[str] | None) -> int:
    """Let the relay try the parked events of these aggregates, or of all, again; how many there are."""
    chosen: Condition = outbox.c.parked_at.is_not(None)
    if aggregate_ids is not None:
        chosen &= outbox.c.aggregate_id.in_(sorted(aggregate_ids))
    return await _release(connection, chosen)


async def release_named(connection: AsyncConnection, reason: str, names: Collection[str]) -> int:
    """Let the relay try the events of these names that were parked for this reason again; how many there are."""
    chosen = outbox.c.parked_at.is_not(None) & (outbox.c.parked_reason == reason)
    return await _release(connection, chosen & outbox.c.name.in_(sorted(names)))


async def _release(connection: AsyncConnection, chosen: Condition) -> int:
    return await run(connection, update(outbox).where(chosen).values(parked_at=None, parked_reason=None))


async def forget_published(connection: AsyncConnection, *, before: datetime, batch_size: int) -> int:
    """Delete the first rows of the log that were published before `before`; how many.

    Only from the front: a stream that continues from its cursor must not miss a deleted row in between. The last row
    always remains, because the next position is counted from it.
    """
    last = (await log_range(connection)).last
    query = select(outbox.c.position, outbox.c.published_at).where(outbox.c.position < last)
    front = (await connection.execute(query.order_by(outbox.c.position).limit(batch_size))).all()
    old = takewhile(lambda row: row.published_at is not None and row.published_at < before, front)
    positions = [row.position for row in old]
    return await run(connection, delete(outbox).where(outbox.c.position.in_(positions))) if positions else 0


@query_pairs(int)
def positions_of(event_ids: Sequence[str]) -> Select[Any]:
    """Event id -> position in the event log, for those of these events that have one."""
    positions = select(outbox.c.event_id, outbox.c.position).where(outbox.c.event_id.in_(event_ids))
    return positions.where(outbox.c.position.is_not(None))


async def backlog(connection: AsyncConnection, known: Collection[str]) -> Backlog:
    """What the relay has to publish: rows not yet published that may be."""
    pending = outbox.c.published_at.is_(None) & await may_be_published(connection, known)
    query = select(func.count(), func.min(outbox.c.recorded_at)).where(pending)
    return await fetch_one(connection, query, Backlog) or Backlog(0, None)


async def parked_count(connection: AsyncConnection) -> int:
    """How many events are parked or wait for a parked one of their aggregate."""
    return await _count_unpublished(connection, await _is_parked(connection))


async def unknown_count(connection: AsyncConnection, known: Collection[str]) -> int:
    """How many events have a name that is not known, or wait for such a one of their aggregate."""
    return await _count_unpublished(connection, await _is_unknown(connection, known))


async def _count_unpublished(connection: AsyncConnection, chosen: Condition) -> int:
    query = select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None), chosen)
    return int(await scalar(connection, query))
