"""Payers' messages that could not be handled: stored until an operator has put them back or dismissed them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import clock
from app.db import dead_statements as dead_statements_db
from app.db.dead_statements import NewDeadStatement, Place
from app.db.engine import Database
from app.events.batches import Message, Unreadable


async def put(database: Database, found: Message | Unreadable, *, code: str, reason: str) -> None:
    """Store the message, or the messages of a batch, with why it could not be handled."""

    async def work(connection: AsyncConnection) -> None:
        dead = _dead(found, code=code, reason=reason, now=await clock.now(connection))
        await dead_statements_db.put(connection, dead)

    await database.transact(work)


def _dead(found: Message | Unreadable, *, code: str, reason: str, now: datetime) -> NewDeadStatement:
    if isinstance(found, Message):
        first = last = found.offset
        raw = found.value or b""
    else:
        first, last, raw = found.first_offset, found.last_offset, found.raw
    return NewDeadStatement(
        topic=found.topic,
        topic_partition=found.partition,
        first_offset=first,
        last_offset=last,
        code=code,
        reason=reason[: dead_statements_db.REASON_LENGTH_MAX],
        raw=raw[: dead_statements_db.RAW_BYTES_MAX],
        dead_at=now,
    )


async def resolve(database: Database, places: Sequence[Place]) -> int:
    """Note that the messages at these places were put back or dismissed; how many of them were open."""

    async def work(connection: AsyncConnection) -> int:
        now = await clock.now(connection)
        return sum([await dead_statements_db.resolve(connection, place, now=now) for place in places])

    return await database.transact(work)
