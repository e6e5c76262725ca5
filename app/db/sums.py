"""Sums in cents: one row of integers from one statement, zero where there is nothing to add."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, func
from sqlalchemy.ext.asyncio import AsyncConnection

Record = TypeVar("Record")


def total(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The sum of the column; 0 for no rows."""
    return func.coalesce(func.sum(column), 0)


async def sums(connection: AsyncConnection, query: Select[Any]) -> list[int]:
    """The only row, as integers: MySQL adds integers up to decimals."""
    row = (await connection.execute(query)).one()
    return [int(value) for value in row]


async def summed(connection: AsyncConnection, query: Select[Any], record: Callable[..., Record]) -> Record:
    """The only row as a record."""
    return record(*await sums(connection, query))
