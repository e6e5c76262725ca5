"""Inserting many rows at once, by the driver's own multi-row INSERT.

SQLAlchemy converts every value of every row through its column type, which costs several times what the driver does.
Here values come as the database stores them: texts, numbers, and times as texts.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_rows(connection: AsyncConnection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows that hold one plain value for each column, in the table's order."""
    if rows:
        await connection.exec_driver_sql(_statement(table, connection.dialect), list(rows))


@cache
def _statement(table: Table, dialect: Dialect) -> str:
    return str(insert(table).compile(dialect=dialect))
