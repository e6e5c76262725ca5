"""Conditions of filters: what a caller leaves out (None) restricts nothing."""

from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Select

from app.values.frozen import frozen

Condition = ColumnElement[bool]
Value = TypeVar("Value")
Bounds = tuple[Value | None, Value | None]
"""The lower and the upper end of a range, both included; None is no limit."""
OPEN_RANGE: Final = (None, None)


def equal(*pairs: tuple[ColumnElement[Any], Any]) -> list[Condition]:
    """`column = value` for each value given."""
    return [column == value for column, value in pairs if value is not None]


def within(*ranges: tuple[ColumnElement[Any], Bounds[Any]]) -> list[Condition]:
    """`column >= low` and `column <= high` for each bound given: ranges include both ends."""
    lows: list[Condition] = [column >= low for column, (low, _) in ranges if low is not None]
    return lows + [column <= high for column, (_, high) in ranges if high is not None]


def one_of(*pairs: tuple[ColumnElement[Any], tuple[Any, ...] | None]) -> list[Condition]:
    """`column IN values` for each tuple given; an empty tuple matches no row."""
    return [column.in_(values) for column, values in pairs if values is not None]


def active(is_active: bool | None, deactivated_at: ColumnElement[Any]) -> list[Condition]:
    """Rows that are not deactivated, or those that are; None for all."""
    if is_active is None:
        return []
    return [deactivated_at.is_(None) if is_active else deactivated_at.is_not(None)]


def lacks(query: Select[Any]) -> Condition:
    """Whether the correlated query has no row. In this form servers look for one for each row of the list: NOT EXISTS
    some of them answer by reading all rows of the query first."""
    return query.limit(1).scalar_subquery().is_(None)


def has(query: Select[Any]) -> Condition:
    """Whether the correlated query has a row, looked for as by `lacks`: for what most rows of a list have."""
    return query.limit(1).scalar_subquery().is_not(None)


@frozen
class Elsewhere:
    """A condition of another table: whether it has a row for a row of the list, or lacks one."""

    rows: Select[Any]
    is_wanted: bool = True

    @property
    def condition(self) -> Condition:
        """For pages: the server may begin with the other table."""
        return self.rows.exists() if self.is_wanted else lacks(self.rows)

    @property
    def looked_up(self) -> Condition:
        """For counts: the server looks for one row of the other table for each row of the list."""
        return has(self.rows) if self.is_wanted else lacks(self.rows)
