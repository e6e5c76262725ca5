"""Retention: deletes old rows in slices, by the database's clock."""

from collections.abc import Awaitable, Callable
from dataclasses import field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, false
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import clock, unused_documents
from app.db import retention as retention_db
from app.db.document_tables import documents
from app.db.engine import Database
from app.db.event_tables import dead_statements
from app.db.reference_tables import eligibility_checks
from app.db.tables import idempotency_keys
from app.values.frozen import frozen

SLICE_SIZE: Final = 500
# Slices of a table that one sweep deletes at most; the next sweep deletes more.
SLICES_MAX: Final = 20
DOCUMENTS_SIZE: Final = 10
"""Documents of a slice: each may have many megabytes."""
DeleteSlice = Callable[[AsyncConnection, ColumnElement[datetime], datetime, int], Awaitable[tuple[int, bool]]]


@frozen
class Rule:
    """Rows of a table are deleted when `column` is older than `days`, never while it is null.

    `column` must be the first of an index. `delete` deletes a slice of `size` rows; rows that it leaves are `unless`.
    """

    column: Column[Any]
    days: int
    size: int = SLICE_SIZE
    delete: DeleteSlice = retention_db.delete_slice
    unless: ColumnElement[bool] = field(default_factory=false)

    @property
    def table(self) -> str:
        """The table's name."""
        return str(self.column.table.name)


@frozen
class Expired:
    """How many rows of a table are, or were before they were deleted, older than its days."""

    table: str
    days: int
    rows: int


def rules(
    *, idempotency_days: int, eligibility_days: int, dead_statement_days: int, unused_document_days: int
) -> tuple[Rule, ...]:
    """One rule for each table whose old rows are deleted."""
    return (
        Rule(idempotency_keys.c.created_at, idempotency_days),
        Rule(eligibility_checks.c.answered_at, eligibility_days),
        # A statement that nobody has resolved has no age: it may be a payment that is not in the books.
        Rule(dead_statements.c.resolved_at, dead_statement_days),
        # What was imported stays with the claims that it was made of.
        Rule(
            documents.c.unused_since,
            unused_document_days,
            DOCUMENTS_SIZE,
            unused_documents.delete_slice,
            unused_documents.is_used(),
        ),
    )


async def expired(database: Database, table_rules: tuple[Rule, ...]) -> list[Expired]:
    """What `purge` would delete now."""
    now = await database_time(database)
    found = []
    for rule in table_rules:
        async with database.reading() as connection:
            rows = await retention_db.count_before(
                connection, rule.column, now - timedelta(days=rule.days), rule.unless
            )
        found.append(Expired(rule.table, rule.days, rows))
    return found


async def purge(database: Database, table_rules: tuple[Rule, ...], *, slices_max: int | None = None) -> list[Expired]:
    """Delete old rows, at most `slices_max` slices of each table; the result is what was deleted.

    Any number of processes may do this at once.
    """
    now = await database_time(database)
    return [Expired(rule.table, rule.days, await _purge(database, rule, now, slices_max)) for rule in table_rules]


async def _purge(database: Database, rule: Rule, now: datetime, slices_max: int | None) -> int:
    before = now - timedelta(days=rule.days)
    total = slices = 0
    while slices_max is None or slices < slices_max:
        deleted, has_more = await database.transact(
            lambda connection: rule.delete(connection, rule.column, before, rule.size)
        )
        total, slices = total + deleted, slices + 1
        if not has_more:
            break
    return total


async def database_time(database: Database) -> datetime:
    """The time from which ages are counted; ClocksDiffer if this machine says another one."""
    async with database.reading() as connection:
        return await clock.time_for_deleting(connection)
