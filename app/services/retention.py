"""Retention: what is deleted when it has been stored for long enough, in slices, by the database's clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Column

from app.db import clock
from app.db import retention as retention_db
from app.db.engine import Database
from app.db.reference_tables import eligibility_checks
from app.db.tables import idempotency_keys

SLICE_SIZE: Final = 500
# One sweep deletes at most this many slices of a table: the next one goes on.
SLICES_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Rule:
    """The rows of a table go when their `column` is older than `days`; an index begins with the column."""

    column: Column[Any]
    days: int

    @property
    def table(self) -> str:
        """The table's name."""
        return str(self.column.table.name)


@dataclass(frozen=True, slots=True)
class Expired:
    """How many rows of a table are, or were, older than its days."""

    table: str
    days: int
    rows: int


def rules(*, idempotency_days: int, eligibility_days: int) -> tuple[Rule, ...]:
    """One rule for each table that has an age."""
    return (
        Rule(idempotency_keys.c.created_at, idempotency_days),
        Rule(eligibility_checks.c.answered_at, eligibility_days),
    )


async def expired(database: Database, wanted: tuple[Rule, ...]) -> list[Expired]:
    """What `purge` would delete now."""
    now = await database_time(database)
    found = []
    for rule in wanted:
        async with database.reading() as connection:
            rows = await retention_db.count_before(connection, rule.column, now - timedelta(days=rule.days))
        found.append(Expired(rule.table, rule.days, rows))
    return found


async def purge(database: Database, wanted: tuple[Rule, ...], *, slices_max: int | None = None) -> list[Expired]:
    """Delete what is older, at most `slices_max` slices of each table; what went.

    Any number of processes may do this at once.
    """
    now = await database_time(database)
    return [Expired(rule.table, rule.days, await _purge(database, rule, now, slices_max)) for rule in wanted]


async def _purge(database: Database, rule: Rule, now: datetime, slices_max: int | None) -> int:
    before = now - timedelta(days=rule.days)
    total = slices = 0
    while slices_max is None or slices < slices_max:
        deleted = await database.transact(
            lambda connection: retention_db.delete_slice(connection, rule.column, before, SLICE_SIZE)
        )
        total, slices = total + deleted, slices + 1
        if deleted < SLICE_SIZE:
            break
    return total


async def database_time(database: Database) -> datetime:
    """The time that ages are counted from."""
    async with database.reading() as connection:
        return await clock.now(connection)
