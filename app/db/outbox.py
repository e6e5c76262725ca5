"""Queries on the outbox: events wait here from the transaction of their change until the broker has them."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import case, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import fetch, fetch_one, run, scalar
from app.db.tables import outbox


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


async def insert_events(connection: AsyncConnection, events: Sequence[NewEvent]) -> None:
    """Keep events in the caller's transaction."""
    await run(connection, insert(outbox), [asdict(event) for event in events])


async def assign_positions(connection: AsyncConnection, batch_size: int) -> int:
    """Number committed rows that have no position yet, without gaps; only the relay leader may call this.

    Several writers commit in another order than they drew their row ids, so the number is given here, once.
    """
    query = select(outbox.c.id).where(outbox.c.position.is_(None)).order_by(outbox.c.id).limit(batch_size)
    ids = [row[0] for row in (await connection.execute(query)).all()]
    last = int(await scalar(connection, select(func.coalesce(func.max(outbox.c.position), 0))))
    if ids:
        places = {row_id: last + index for index, row_id in enumerate(ids, start=1)}
        numbered = update(outbox).where(outbox.c.id.in_(ids))
        await run(connection, numbered.values(position=case(places, value=outbox.c.id)))
    return len(ids)


async def unpublished(connection: AsyncConnection, batch_size: int) -> list[OutboxRecord]:
    """The next numbered rows that the broker does not have yet, in position order."""
    waiting = outbox.c.published_at.is_(None) & outbox.c.position.is_not(None)
    query = select(*OUTBOX).where(waiting).order_by(outbox.c.position).limit(batch_size)
    return await fetch(connection, query, OutboxRecord)


async def numbered_between(connection: AsyncConnection, after: int, before: int) -> list[OutboxRecord]:
    """The rows whose positions lie between the two, both ends left out, in order.

    Rows not yet marked as published count too: the broker may have delivered them before the relay marks them.
    """
    place = outbox.c.position
    return await fetch(connection, select(*OUTBOX).where(place > after, place < before).order_by(place), OutboxRecord)


async def named_after(
    connection: AsyncConnection, after: int, names: Collection[str], batch_size: int
) -> list[OutboxRecord]:
    """The next rows of these event names behind the position, in order."""
    place = outbox.c.position
    query = select(*OUTBOX).where(place > after, outbox.c.name.in_(sorted(names))).order_by(place).limit(batch_size)
    return await fetch(connection, query, OutboxRecord)


async def last_published(connection: AsyncConnection) -> int:
    """The highest position that has been published, 0 if none."""
    query = select(func.coalesce(func.max(outbox.c.position), 0)).where(outbox.c.published_at.is_not(None))
    return int(await scalar(connection, query))


async def mark_published(connection: AsyncConnection, positions: Sequence[int], *, now: datetime) -> None:
    """Note that the broker has acknowledged these rows."""
    await run(connection, update(outbox).where(outbox.c.position.in_(positions)).values(published_at=now))


async def positions_of(connection: AsyncConnection, event_ids: Sequence[str]) -> dict[str, int]:
    """The place in the event log of each of these events that has one."""
    query = select(outbox.c.event_id, outbox.c.position).where(outbox.c.event_id.in_(event_ids))
    rows = (await connection.execute(query.where(outbox.c.position.is_not(None)))).all()
    return {event_id: int(position) for event_id, position in rows}


async def backlog(connection: AsyncConnection) -> Backlog:
    """What has not left yet."""
    query = select(func.count(), func.min(outbox.c.recorded_at)).where(outbox.c.published_at.is_(None))
    found = await fetch_one(connection, query, Backlog)
    return found or Backlog(0, None)
