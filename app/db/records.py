"""Records and their tables: which columns a record reads, and how a whole record is written."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import Column, Table, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import run

ROWS_PER_STATEMENT: Final = 50


def columns(table: Table, record: type[Any]) -> tuple[Column[Any], ...]:
    """The table's columns in the order of the record's fields, as `fetch` needs them.

    Called while modules are imported: a field without a column is a KeyError before the first statement runs.
    """
    return tuple(table.c[field.name] for field in fields(record))


def row(record: Any) -> dict[str, Any]:
    """The record's values by column. `asdict` would make a deep copy of every value."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


async def insert_records(connection: AsyncConnection, table: Table, records: Sequence[Any]) -> None:
    """Add one row per record, with every field of the record; fifty at a time, between which others have a turn."""
    for start in range(0, len(records), ROWS_PER_STATEMENT):
        await run(connection, insert(table), [row(each) for each in records[start : start + ROWS_PER_STATEMENT]])


async def update_record(connection: AsyncConnection, table: Table, record: Any) -> None:
    """Write every field of the record to the row with its id; the caller holds the lock that protects the row."""
    values = row(record)
    await run(connection, update(table).where(table.c.id == values.pop("id")).values(**values))
