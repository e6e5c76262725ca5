"""Inserting many rows at once, by one multi-row INSERT.

SQLAlchemy converts every value of every row through its column type, which costs several times what the driver does.
Here values come as the database stores them: texts, numbers, and times as texts.
"""

from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any, Final

from sqlalchemy import Table, insert
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.record_texts import insert_text
from app.db.session import Session

ROWS_AT_ONCE: Final = 200


async def insert_rows(connection: AsyncConnection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows that hold one plain value for each column, in the table's order."""
    if not isinstance(connection, Session):
        if rows:
            await connection.exec_driver_sql(_statement(table, connection.dialect), list(rows))
        return
    text = insert_text(table, tuple(table.columns.keys()), connection.dialect)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        batch = rows[start : start + ROWS_AT_ONCE]
        await connection.matched(text.of(len(batch)), list(chain.from_iterable(batch)))


@cache
def _statement(table: Table, dialect: Dialect) -> str:
    return str(insert(table).compile(dialect=dialect))
