"""Rows for every table of a database, whatever its revision: made from what the database says about its columns."""

from datetime import date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import Column, MetaData, Table
from sqlalchemy.engine import Connection

ROWS: Final = 2
START: Final = datetime(2026, 3, 1, 10, 20, 30)  # noqa: DTZ001 - databases store naive times in UTC
Rows = dict[str, list[dict[str, Any]]]


def insert_samples(connection: Connection) -> Rows:
    """Insert two rows into every table that has none, and return all rows of those tables."""
    metadata = _reflected(connection)
    made: Rows = {}
    for table in metadata.sorted_tables:
        made[table.name] = [dict(row) for row in connection.execute(table.select()).mappings()]
        if not made[table.name]:
            made[table.name] = [_row(table, number, made) for number in range(1, ROWS + 1)]
            connection.execute(table.insert(), made[table.name])
    return {table.name: _rows(connection, table) for table in metadata.sorted_tables}


def all_rows(connection: Connection) -> Rows:
    """Every row of every table."""
    return {table.name: _rows(connection, table) for table in _reflected(connection).sorted_tables}


def _reflected(connection: Connection) -> MetaData:
    metadata = MetaData()
    metadata.reflect(connection)
    metadata.remove(metadata.tables["alembic_version"])
    return metadata


def _rows(connection: Connection, table: Table) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(table.select()).mappings()]


def _row(table: Table, number: int, made: Rows) -> dict[str, Any]:
    return {column.name: _value(column, number, made) for column in table.columns}


def _value(column: Column[Any], number: int, made: Rows) -> Any:
    for reference in column.foreign_keys:
        parent = reference.column
        if parent.table is not column.table:
            return made[parent.table.name][number - 1][parent.name]
        return None
    kind = column.type.python_type
    if kind is str:
        length = getattr(column.type, "length", None) or 30
        return f"{number}{column.name}"[:length]
    moments: dict[type, Any] = {
        datetime: START + timedelta(days=number),
        date: START.date() + timedelta(days=number),
        time: START.time(),
    }
    return moments[kind] if kind in moments else kind(number)
