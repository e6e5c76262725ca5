"""Rows for every table of a database, whatever its revision: made from what the database says about its columns."""

from datetime import date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import Column, MetaData, Table
from sqlalchemy.engine import Connection

ROWS: Final = 2
START: Final = datetime(2026, 3, 1, 10, 20, 30)  # noqa: DTZ001 - databases store naive times in UTC
Rows = dict[str, list[dict[str, Any]]]


_COLUMNS: Final = {
    "sqlite": "SELECT m.name, p.name, p.type FROM sqlite_master m JOIN pragma_table_info(m.name) p "
    "WHERE m.type = 'table' ORDER BY m.name, p.cid",
    "mysql": "SELECT table_name, column_name, column_type FROM information_schema.columns "
    "WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position",
}
_OTHERS: Final = frozenset({"alembic_version", "sqlite_sequence"})


class Samples:
    """Inserts two more rows into every table at each revision; tables that a migration has filled are left alone."""

    def __init__(self) -> None:
        self._metadata = MetaData()
        self._columns: dict[str, list[Any]] = {}
        self._filled: set[str] = set()
        self._made: Rows = {}
        self._inserted = 0

    def insert(self, connection: Connection) -> Rows:
        """Insert them; the rows of the tables that are new or have other columns, as the database gives them back."""
        found = _columns(connection)
        changed = {name for name, columns in found.items() if self._columns.get(name) != columns}
        self._columns = found
        for name in changed & set(self._metadata.tables):
            self._metadata.remove(self._metadata.tables[name])
        self._metadata.reflect(connection, only=sorted(changed))
        for table in self._metadata.sorted_tables:
            self._fill(connection, table)
        self._inserted += ROWS
        return {name: _rows(connection, self._metadata.tables[name]) for name in changed}

    def _fill(self, connection: Connection, table: Table) -> None:
        if table.name not in self._made and (filled := _rows(connection, table)):
            self._filled.add(table.name)
            self._made[table.name] = filled
        elif table.name not in self._filled:
            numbers = range(self._inserted + 1, self._inserted + ROWS + 1)
            self._made[table.name] = [_row(table, number, place, self._made) for place, number in enumerate(numbers)]
            connection.execute(table.insert(), self._made[table.name])


def _columns(connection: Connection) -> dict[str, list[Any]]:
    """The columns of each table with their types."""
    found: dict[str, list[Any]] = {}
    kind = "sqlite" if connection.dialect.name == "sqlite" else "mysql"
    for table, *column in connection.exec_driver_sql(_COLUMNS[kind]):
        if table not in _OTHERS:
            found.setdefault(table, []).append(tuple(column))
    return found


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


def _row(table: Table, number: int, place: int, made: Rows) -> dict[str, Any]:
    return {column.name: _value(column, number, place, made) for column in table.columns}


def _value(column: Column[Any], number: int, place: int, made: Rows) -> Any:
    for reference in column.foreign_keys:
        parent = reference.column
        if parent.table is not column.table:
            return made[parent.table.name][place][parent.name]
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
