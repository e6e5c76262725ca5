"""Queries on the outbox: events wait here from the transaction of their change until the broker has them, and stay
as the event log."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import takewhile

from sqlalchemy import ColumnElement, and_, case, delete, false, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import fetch, fetch_one, run, scalar
from app.db.scoping import events_in
from app.db.tables import outbox
from app.domain.data_scope import DataScope


@dataclass(frozen=True, slots=True)
class NewEvent:
    event_id: str
    name: str
    aggregate_id: str
    provider_cnes: str | None
    payer_ans: str | None
    patient_id: str | None
    data: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
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


OUTBOX = tuple(outbox.c[name] for name in OutboxRecord.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits: rows not yet published and the time the oldest of them was recorded."""

    pending: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class ParkedRecord:
    """An event that could not be published."""

    event_id: str
    name: str
    aggregate_id: str
    parked_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Kept:
    """The first and the last position that the event log holds; both 0 while it is empty."""

    first: int
    last: int


async def _is_held(connection: AsyncConnection) -> ColumnElement[bool]:
    """Whether the event is parked, or stands behind one of its aggregate that is; asked of the few that are."""
    query = select(outbox.c.aggregate_id, func.min(outbox.c.id)).where(outbox.c.parked_at.is_not(None))
    first = (await connection.execute(query.group_by(outbox.c.aggregate_id))).all()
    return or_(
        false(), *[and_(outbox.c.aggregate_id == aggregate, outbox.c.id >= row_id) for aggregate, row_id in first]
    )


async def insert_events(connection: AsyncConnection, events: Sequence[NewEvent]) -> None:
    """Keep events in the caller's transaction."""
    await run(connection, insert(outbox), [asdict(event) for event in events])


async def unnumbered(connection: AsyncConnection, batch_size: int) -> list[OutboxRecord]:
    """Committed rows without a position in the order of their ids; what is held back is left out."""
    free = outbox.c.position.is_(None) & ~await _is_held(connection)
    query = select(*OUTBOX).where(free).order_by(outbox.c.id).limit(batch_size)
    return await fetch(connection, query, OutboxRecord)


async def number(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Give these rows the next positions, without gaps; only the relay leader may call this.

    Several writers commit in another order than they drew their row ids, so the number is given here, once.
    """
    last = int(await scalar(connection, select(func.coalesce(func.max(outbox.c.position), 0))))
    if ids:
        places = {row_id: last + index for index, row_id in enumerate(ids, start=1)}
        numbered = update(outbox).where(outbox.c.id.in_(ids))
        await run(connection, numbered.values(position=case(places, value=outbox.c.id)))


async def unpublished(connection: AsyncConnection, batch_size: int) -> list[OutboxRecord]:
    """The next numbered rows that the broker does not have yet, in position order; what is held back is left out."""
    waiting = outbox.c.published_at.is_(None) & outbox.c.position.is_not(None) & ~await _is_held(connection)
    query = select(*OUTBOX).where(waiting).order_by(outbox.c.position).limit(batch_size)
    return await fetch(connection, query, OutboxRecord)


async def numbered_after(
    connection: AsyncConnection, after: int, batch_size: int, before: int | None = None
) -> list[OutboxRecord]:
    """The next rows behind the position, in order, and (if given) before the other one.

    Rows not yet marked as published count too: the broker may have delivered them before the relay marks them.
    """
    place = outbox.c.position
    query = select(*OUTBOX).where(place > after).order_by(place).limit(batch_size)
    return await fetch(connection, query if before is None else query.where(place < before), OutboxRecord)


async def named_after(
    connection: AsyncConnection, scope: DataScope, after: int, names: Collection[str], batch_size: int
) -> list[OutboxRecord]:
    """The next rows of these event names behind the position within the scope, in order."""
    place = outbox.c.position
    wanted = select(*OUTBOX).where(place > after, outbox.c.name.in_(sorted(names)), events_in(scope))
    return await fetch(connection, wanted.order_by(place).limit(batch_size), OutboxRecord)


async def kept(connection: AsyncConnection) -> Kept:
    """What the event log holds."""
    query = select(func.coalesce(func.min(outbox.c.position), 0), func.coalesce(func.max(outbox.c.position), 0))
    return await fetch_one(connection, query, Kept) or Kept(0, 0)


async def mark_published(connection: AsyncConnection, positions: Sequence[int], *, now: datetime) -> None:
    """Note that the broker has acknowledged these rows."""
    await run(connection, update(outbox).where(outbox.c.position.in_(positions)).values(published_at=now))


async def publish_again(connection: AsyncConnection, first: int, last: int | None) -> int:
    """Let the relay publish the rows from `first` on (to `last`, if given) once more; how many."""
    chosen = update(outbox).where(outbox.c.position >= first, outbox.c.published_at.is_not(None))
    chosen = chosen if last is None else chosen.where(outbox.c.position <= last)
    return await run(connection, chosen.values(published_at=None))


async def park(connection: AsyncConnection, row_id: int, *, reason: str, now: datetime) -> None:
    """Hold back this row and, with it, every later one of its aggregate."""
    await run(connection, update(outbox).where(outbox.c.id == row_id).values(parked_at=now, parked_reason=reason[:200]))


async def parked(connection: AsyncConnection) -> list[ParkedRecord]:
    """The events that could not be published, the oldest first."""
    columns = (outbox.c.event_id, outbox.c.name, outbox.c.aggregate_id, outbox.c.parked_at, outbox.c.parked_reason)
    query = select(*columns).where(outbox.c.parked_at.is_not(None)).order_by(outbox.c.id)
    return await fetch(connection, query, ParkedRecord)


async def release(connection: AsyncConnection, aggregate_ids: Collection[str]) -> int:
    """Let the relay try the parked events of these aggregates again; how many."""
    chosen = update(outbox).where(outbox.c.parked_at.is_not(None), outbox.c.aggregate_id.in_(sorted(aggregate_ids)))
    return await run(connection, chosen.values(parked_at=None, parked_reason=None))


async def forget_published(connection: AsyncConnection, *, before: datetime, batch_size: int) -> int:
    """Delete the first rows of the log that were published earlier; how many.

    Only from the front, so that what is kept has no holes for a cursor to fall into. The last position is always kept:
    the next one is counted from it.
    """
    last = (await kept(connection)).last
    query = select(outbox.c.position, outbox.c.published_at).where(outbox.c.position < last)
    front = (await connection.execute(query.order_by(outbox.c.position).limit(batch_size))).all()
    old = takewhile(lambda row: row.published_at is not None and row.published_at < before, front)
    positions = [row.position for row in old]
    return await run(connection, delete(outbox).where(outbox.c.position.in_(positions))) if positions else 0


async def positions_of(connection: AsyncConnection, event_ids: Sequence[str]) -> dict[str, int]:
    """The place in the event log of each of these events that has one."""
    query = select(outbox.c.event_id, outbox.c.position).where(outbox.c.event_id.in_(event_ids))
    rows = (await connection.execute(query.where(outbox.c.position.is_not(None)))).all()
    return {event_id: int(position) for event_id, position in rows}


async def backlog(connection: AsyncConnection) -> Backlog:
    """What has not left yet and is free to leave."""
    waiting = outbox.c.published_at.is_(None) & ~await _is_held(connection)
    query = select(func.count(), func.min(outbox.c.recorded_at)).where(waiting)
    return await fetch_one(connection, query, Backlog) or Backlog(0, None)


async def held(connection: AsyncConnection) -> int:
    """How many events are parked or wait behind a parked one."""
    waiting = outbox.c.published_at.is_(None) & await _is_held(connection)
    query = select(func.count()).select_from(outbox).where(waiting)
    return int(await scalar(connection, query))
