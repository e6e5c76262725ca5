"""Queries on payers' messages that could not be handled, by their place in Kafka."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import run, scalar
from app.db.event_tables import dead_statements
from app.db.filters import Condition
from app.db.records import columns, insert_records
from app.db.statements import query
from app.values.frozen import frozen

RAW_BYTES_MAX = 1024 * 1024
REASON_LENGTH_MAX = 500


@frozen
class Place:
    """Where the first message is: topic, partition and offset."""

    topic: str
    topic_partition: int
    first_offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.topic_partition}/{self.first_offset}"

    @classmethod
    def read(cls, text: str) -> "Place | None":
        """The place that is written like this; None if it is none."""
        topic, *numbers = text.split("/")
        if len(numbers) != 2 or not all(number.isascii() and number.isdecimal() for number in numbers):
            return None
        return cls(topic, int(numbers[0]), int(numbers[1]))


@frozen
class DeadStatementRecord:
    """A message, or the messages of a batch, that could not be handled, and why."""

    topic: str
    topic_partition: int
    first_offset: int
    last_offset: int
    code: str
    reason: str
    dead_at: datetime

    @property
    def place(self) -> Place:
        """Where the first message is."""
        return Place(self.topic, self.topic_partition, self.first_offset)


@frozen
class NewDeadStatement(DeadStatementRecord):
    """The same with `raw`, its body or its bytes."""

    raw: bytes


DEAD_STATEMENT = columns(dead_statements, DeadStatementRecord)


def _is_at(place: Place) -> Condition:
    table = dead_statements.c
    at_partition = (table.topic == place.topic) & (table.topic_partition == place.topic_partition)
    return at_partition & (table.first_offset == place.first_offset)


async def put(connection: AsyncConnection, dead: NewDeadStatement) -> None:
    """Store it, instead of what was at its place before: a message that is read again, or that of a broker that has
    lost its data since."""
    await run(connection, delete(dead_statements).where(_is_at(dead.place)))
    await insert_records(connection, dead_statements, [dead])


@query(DeadStatementRecord)
def open_ones() -> Select[Any]:
    """Those that nobody has resolved, the oldest first."""
    return select(*DEAD_STATEMENT).where(dead_statements.c.resolved_at.is_(None)).order_by(dead_statements.c.id)


async def raw_of(connection: AsyncConnection, place: Place) -> bytes | None:
    """What is stored of the message's bytes; None if no message of this place is here."""
    found: bytes | None = await scalar(connection, select(dead_statements.c.raw).where(_is_at(place)))
    return found


async def count_open(connection: AsyncConnection) -> int:
    """How many nobody has resolved."""
    query = select(func.count()).select_from(dead_statements).where(dead_statements.c.resolved_at.is_(None))
    return int(await scalar(connection, query))


async def resolve(connection: AsyncConnection, place: Place, *, now: datetime) -> bool:
    """Note that it was put back or dismissed; whether it was open."""
    chosen = update(dead_statements).where(_is_at(place), dead_statements.c.resolved_at.is_(None))
    return await run(connection, chosen.values(resolved_at=now)) > 0
