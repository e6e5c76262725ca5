"""The texts that write records: one INSERT for many rows, and an UPDATE by id for one row or for many."""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final

from sqlalchemy import Insert, Select, Table, bindparam, insert, update
from sqlalchemy.engine import Dialect

from app.db.compiled import Text, encoder_of, function

PREPARED_ROWS_MAX: Final = 4
"""An INSERT of more rows is too seldom the same to be prepared."""
_VALUES: Final = " VALUES "


class InsertText:
    """The INSERT of these columns: its text for a number of rows. `names` is the order of a row's parameters, that of
    the table."""

    def __init__(self, table: Table, names: Sequence[str], dialect: Dialect) -> None:
        compiled = insert(table).compile(dialect=dialect, column_keys=list(names))
        self.names: tuple[str, ...] = tuple(compiled.positiontup or ())
        self._start, _, self._row = str(compiled).partition(_VALUES)
        self._texts: dict[int, Text] = {}

    def of(self, count: int) -> Text:
        """The text for so many rows."""
        found = self._texts.get(count)
        if found is None:
            rows = ", ".join([self._row] * count)
            is_prepared = count <= PREPARED_ROWS_MAX
            found = Text(f"{self._start}{_VALUES}{rows}", is_prepared=is_prepared)
            if is_prepared:
                self._texts[count] = found
        return found


@cache
def insert_text(table: Table, names: tuple[str, ...], dialect: Dialect) -> InsertText:
    """The INSERT of these columns."""
    return InsertText(table, names, dialect)


def insert_if(table: Table, names: Sequence[str], found: Select[Any]) -> Insert:
    """The INSERT of one row with the parameters `new_`*name* for each row that the statement finds."""
    values = [bindparam(f"new_{name}", type_=table.c[name].type).label(name) for name in names]
    return insert(table).from_select(list(names), found.with_only_columns(*values), include_defaults=False)


@cache
def insert_if_text(
    table: Table, names: tuple[str, ...], found: Select[Any], dialect: Dialect
) -> tuple[Text, tuple[str, ...]]:
    """The same as text, and the names of its parameters in their order: those of the columns, and of the statement."""
    compiled = insert_if(table, names, found).compile(dialect=dialect)
    return Text(str(compiled)), tuple(name.removeprefix("new_") for name in compiled.positiontup or ())


@cache
def update_text(table: Table, names: tuple[str, ...], dialect: Dialect) -> tuple[Text, tuple[str, ...]]:
    """The UPDATE of these columns by id, and the names of its parameters in their order."""
    values: dict[str, Any] = {name: bindparam(name) for name in names}
    statement = update(table).where(table.c.id == bindparam("record_id")).values(values)
    compiled = statement.compile(dialect=dialect)
    order = ["id" if name == "record_id" else name for name in compiled.positiontup or ()]
    return Text(str(compiled)), tuple(order)


def update_many(
    table: Table, records: Sequence[Any], names: tuple[str, ...], dialect: Dialect
) -> tuple[Text, list[Any]]:
    """One UPDATE of these columns of many rows by id, and its parameters: a column gets the value that all records
    have, or else each row its own, chosen by the id."""
    ids, *columns = zip(*map(values_of(table, ("id", *names), dialect), records), strict=True)
    own = f"CASE id {'WHEN %s THEN %s ' * len(ids)}END"
    changes: list[str] = []
    parameters: list[Any] = []
    for name, values in zip(names, columns, strict=True):
        is_same = all(value == values[0] for value in values)
        changes.append(f"{dialect.identifier_preparer.quote(name)}={'%s' if is_same else own}")
        parameters += values[:1] if is_same else chain.from_iterable(zip(ids, values, strict=True))
    # ruff: noqa: S608 - names of columns, and placeholders
    text = f"UPDATE {table.name} SET {', '.join(changes)} WHERE id IN ({', '.join(['%s'] * len(ids))})"
    return Text(text, is_prepared=False), [*parameters, *ids]


@cache
def values_of(table: Table, names: tuple[str, ...], dialect: Dialect) -> Callable[[Any], list[Any]]:
    """The function from a record to the values of these columns, as the driver takes them."""
    encoders = {f"e{number}": encoder_of(table.c[name].type, dialect) for number, name in enumerate(names)}
    parts = [
        f"r.{name}" if encoders[f"e{number}"] is None else f"e{number}(r.{name})" for number, name in enumerate(names)
    ]
    return function(f"lambda r: [{', '.join(parts)}]", encoders)
