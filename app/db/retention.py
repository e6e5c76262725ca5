"""Deleting rows by their age, the oldest first and a slice at a time."""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import run, scalar


async def count_before(
    connection: AsyncConnection, column: ColumnElement[datetime], before: datetime, unless: ColumnElement[bool]
) -> int:
    """How many rows of the column's table are older, without those that stay all the same."""
    return int(await scalar(connection, select(func.count()).where(column < before, ~unless)))


async def delete_slice(
    connection: AsyncConnection, column: ColumnElement[datetime], before: datetime, size: int
) -> tuple[int, bool]:
    """Delete about `size` of the rows that are older, the oldest first; how many, and whether more may be left.

    Fewer than there were if another process deletes the same rows at the same time.
    One statement by a range of the column's index: rows of one moment go together, so a slice may hold a few more.
    """
    places = select(column).where(column < before).order_by(column)
    upto = await scalar(connection, places.limit(1).offset(size - 1))
    chosen = column < before if upto is None else column <= upto
    return await run(connection, delete(column.table).where(chosen)), upto is not None
