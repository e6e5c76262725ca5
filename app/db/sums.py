"""Sums in cents: rows of integers, zero where there is nothing to add."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

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


@dataclass(frozen=True, slots=True, eq=False)
class Amounts(Generic[Record]):
    """What a list adds up: expressions in cents, in the order of the record's fields."""

    record: Callable[..., Record]
    columns: tuple[ColumnElement[Any], ...]

    @property
    def totals(self) -> list[ColumnElement[Any]]:
        """The sums to select."""
        return [total(each) for each in self.columns]

    def of(self, row: Sequence[Any] | None) -> Record:
        """The record of a row of totals; zeros for None."""
        return self.record(*([0] * len(self.columns) if row is None else [int(value) for value in row]))

    async def read(self, connection: AsyncConnection, query: Select[Any]) -> Record:
        """The record of the query's rows; the query selects `totals`."""
        return self.of((await connection.execute(query)).one())
