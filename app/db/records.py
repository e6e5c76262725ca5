"""Records and their tables: which columns a record reads, and how a whole record is written."""

from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from itertools import chain
from typing import Any, Final

from sqlalchemy import Column, Select, Table, bindparam, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import run
from app.db.record_texts import insert_if, insert_if_text, insert_text, update_many, update_text, values_of
from app.db.session import Session

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
        batch = records[start : start + ROWS_PER_STATEMENT]
        if not isinstance(connection, Session):
            await run(connection, insert(table), [row(each) for each in batch])
            continue
        text = insert_text(table, _names(batch[0].__class__), connection.dialect)
        values = values_of(table, text.names, connection.dialect)
        await connection.matched(text.of(len(batch)), list(chain.from_iterable(map(values, batch))))


async def insert_record_if(
    connection: AsyncConnection, table: Table, record: Any, found: Select[Any], given: dict[str, Any]
) -> bool:
    """Add the record's row if this statement finds one with these parameters, which it may lock; whether it did."""
    names = _names(record.__class__)
    if not isinstance(connection, Session):
        values = {f"new_{name}": getattr(record, name) for name in names}
        return bool(await run(connection, insert_if(table, names, found), [values | given]))
    text, order = insert_if_text(table, names, found, connection.dialect)
    values = dict(zip(names, values_of(table, names, connection.dialect)(record), strict=True))
    return await connection.matched(text, [given[name] if name in given else values[name] for name in order]) == 1


async def update_record(connection: AsyncConnection, table: Table, record: Any) -> None:
    """Write every field of the record to the row with its id; the caller holds the lock that protects the row."""
    await update_records(connection, table, [record])


async def update_records(connection: AsyncConnection, table: Table, records: Sequence[Any]) -> None:
    """Write every field of each record to the row with its id; the caller holds the locks that protect the rows."""
    if records:
        names = (name for name in _names(records[0].__class__) if name != "id")
        await update_columns(connection, table, records, *names)


async def update_columns(connection: AsyncConnection, table: Table, records: Sequence[Any], *names: str) -> None:
    """Write these fields of each record to the row with its id; the caller holds the locks that protect the rows. Of
    several, fifty are one statement."""
    if not isinstance(connection, Session):
        statement = update(table).where(table.c.id == bindparam("record_id"))
        statement = statement.values({name: bindparam(f"new_{name}") for name in names})
        rows = [{"record_id": each.id} | {f"new_{name}": getattr(each, name) for name in names} for each in records]
        await run(connection, statement, rows)
        return
    if len(records) == 1:
        text, order = update_text(table, names, connection.dialect)
        await connection.matched(text, values_of(table, order, connection.dialect)(records[0]))
        return
    # Of two records of a row the last one stays, as it does where each has a statement of its own.
    distinct = list({each.id: each for each in records}.values())
    for start in range(0, len(distinct), ROWS_PER_STATEMENT):
        batch = distinct[start : start + ROWS_PER_STATEMENT]
        await connection.matched(*update_many(table, batch, names, connection.dialect))


@cache
def _names(record: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record))
