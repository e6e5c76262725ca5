"""How many rows a list has, counted to a bound: an exact count of a million rows reads a million rows."""

from typing import Any, Final

from sqlalchemy import Select, func, select

COUNTED_MAX: Final = 10_000
"""A list that is longer is counted no further."""


def count_of(query: Select[Any], most: int = COUNTED_MAX) -> Select[Any]:
    """The statement for the number of rows of the query, at most `most` + 1, which stands for every larger number.

    Of its columns only the first is read, the id: every index has it.
    """
    found = query.with_only_columns(query.selected_columns[0]).limit(most + 1).subquery("counted")
    return select(func.count()).select_from(found)
