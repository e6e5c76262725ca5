"""Sums in cents: rows of integers, zero where there is nothing to add."""

from collections.abc import Callable
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

    @property
    def nothing(self) -> Record:
        """The record of no rows."""
        return self.of(*[0] * len(self.columns))

    def of(self, *totals: Any) -> Record:
        """The record of a row of `totals`: MySQL adds integers up to decimals."""
        return self.record(*map(int, totals))
