"""Statements that read only those columns of a record that an operation may use (`app/executor/asked.py`)."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Final

from sqlalchemy import ColumnElement, Select
from sqlalchemy.sql import Executable

from app.db.makers import maker_of, maker_of_some, names_of
from app.executor.asked import with_inner

NARROW_MAX: Final = 16
"""Of so many sets of columns a statement is compiled, beside that of all."""
ASKED_MAX: Final = 200
Names = tuple[str, ...] | None
"""The fields that are read; None for all of them."""
Make = Callable[..., Any]


class Narrow:
    """The ways to read a record: whole, or some of its fields; of `pairs`, after a column that is no part of it."""

    def __init__(self, record: Make, *, pairs: bool) -> None:
        self._record = record
        self._pairs = pairs
        self._fields = names_of(record)
        self._known: dict[frozenset[str], Names] = {}
        self._used: set[Names] = set()
        self._is_whole = self._fields is None

    @cached_property
    def make(self) -> Make:
        """What makes a record of a whole row. It is written at the first use: a process uses few of the statements."""
        return self._made(maker_of(self._record))

    def names(self, asked: frozenset[str]) -> Names:
        """The fields to read for an operation that may use these names; None for all fields."""
        if self._is_whole:
            return None
        try:
            return self._known[asked]
        except KeyError:
            return self._add(asked)

    def _add(self, asked: frozenset[str]) -> Names:
        if len(self._known) >= ASKED_MAX:
            self._known.clear()
        wanted = with_inner(self._record, asked)  # type: ignore[arg-type]  # it has fields, so it is a class
        found: Names = tuple(each for each in self._fields or () if each in wanted or _is_key(each))
        if found == self._fields or (found not in self._used and len(self._used) >= NARROW_MAX):
            found = None
        self._used.add(found)
        self._known[asked] = found
        return found

    def narrowed(self, statement: Executable, names: tuple[str, ...]) -> tuple[Executable, Make]:
        """The statement with the columns of these fields and of keys, and what makes records of its rows."""
        columns = _columns(statement)
        fields, before = self._fields or (), int(self._pairs)
        if len(columns) != len(fields) + before:
            self._is_whole = True
            return statement, self.make
        places = {name: number for number, name in enumerate(fields, before)}
        chosen = [name for name in fields if name in names or columns[places[name]].primary_key]
        kept = [*columns[:before], *[columns[places[each]] for each in chosen]]
        if _tables(kept) != _tables(columns):
            return statement, self.make
        found = statement.with_only_columns(*kept)  # type: ignore[attr-defined]  # a Select
        return found, self._made(maker_of_some(self._record, tuple(chosen)))

    def _made(self, make: Make) -> Make:
        if not self._pairs:
            return make

        def pair(key: str, *row: Any) -> tuple[str, Any]:
            return key, make(*row)

        return pair


def _columns(statement: Executable) -> Sequence[ColumnElement[Any]]:
    """The columns of a statement whose rows do not depend on which of them it has; none of any other."""
    if not isinstance(statement, Select) or statement._distinct or statement._group_by_clauses:  # noqa: SLF001 - likewise
        return ()
    return list(statement.selected_columns)


def _tables(columns: Sequence[ColumnElement[Any]]) -> set[Any]:
    """The tables that the statement reads because of these columns."""
    return {source for each in columns for source in each._from_objects}  # noqa: SLF001 - SQLAlchemy has no public name


def _is_key(name: str) -> bool:
    """Whether loaders and the access log may find rows by it."""
    return name == "id" or name.endswith(("_id", "_ids"))
