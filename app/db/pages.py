"""The statement for a page of a table: it chooses the ids by indexes, and reads only the rows of the page."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Select, Table, select, union

from app.db.arguments import DAYS_MAX
from app.db.filters import Condition
from app.db.paging import Keyset
from app.values.frozen import frozen

NARROW: Final = timedelta(days=62)
"""A range of days or times up to this width is read by an index of its own, whatever the list is sorted by."""
ENDS: Final = 2
VALUES_MAX: Final = 8
"""Up to so many values of a column are read as a page of each, and so are the days of a range; up to 31 days if the
list is that of everybody, since a data scope is part of the statement of each day."""
PARTS_MAX: Final = 250
"""So many values in all the days: 8 days of 580 providers take a tenth of a second to compile."""
Values = tuple[ColumnElement[Any], Sequence[Any] | None]


@frozen
class Chosen:
    """Which rows of a table a list has: the `conditions` of scope and filter, and the lists of `values` among them, for
    the choice of an index. `source` has the tables that the conditions need, if it is more than the table."""

    table: Table
    conditions: Sequence[Condition]
    values: Sequence[Values] = ()
    source: FromClause | None = None

    def page(self, columns: Sequence[ColumnElement[Any]], keyset: Keyset) -> Select[Any]:
        """The rows of a page, in its order."""
        chosen = self._place(keyset)
        return select(*columns).join(chosen, chosen.c.id == self.table.c.id).order_by(*keyset.order)

    def _place(self, keyset: Keyset) -> Any:
        """The ids of the page. No index has the rows of several values in the order of another column, so each value
        gets its own page, and theirs are merged. (A value may be there twice: statements are compiled for lists of a
        few sizes.)"""
        found = self._found(keyset)
        several = next(self._several(keyset), None)
        if several is None:
            return keyset.apply(found).subquery("page")
        column, values = several
        pages = [keyset.apply(found.where(column == value)) for value in values]
        if len(pages) == 1:
            return pages[0].subquery("page")
        merged = union(*[select(page.subquery()) for page in pages]).subquery("merged")
        sorted_by = (merged.c.place, merged.c.id)
        order = [each.desc() if keyset.descending else each.asc() for each in sorted_by]
        return select(merged.c.id).order_by(*order).limit(keyset.limit).subquery("page")

    def _found(self, keyset: Keyset) -> Select[Any]:
        """The days and times of a row go together: whoever asks for last year's days in the order of creation would
        read past all newer rows, which the server's statistics do not show; a narrow range forbids that."""
        source = self.table if self.source is None else self.source
        query = select(self.table.c.id, keyset.column.label("place")).select_from(source).where(*self.conditions)
        index = _index(self.table, keyset.column)
        if index is None or not keyset.is_narrow:
            return query
        return query.with_hint(self.table, f"IGNORE INDEX FOR ORDER BY ({index})", "mysql")

    def _several(self, keyset: Keyset) -> Iterator[tuple[ColumnElement[Any], Sequence[Any]]]:
        if keyset.days is not None and self._is_read_by_days(*keyset.days, keyset.column):
            yield keyset.days
        for column, values in self.values:
            distinct = sorted(set(values or ()))
            if 1 < len(distinct) <= VALUES_MAX and _index(self.table, column, keyset.column) is not None:
                yield column, distinct

    def _is_read_by_days(self, day: ColumnElement[Any], days: Sequence[date], place: ColumnElement[Any]) -> bool:
        values = sum(len(set(each or ())) for _, each in self.values)
        is_short = len(days) <= VALUES_MAX or not values
        return is_short and len(days) * values <= PARTS_MAX and _index(self.table, day, place) is not None


def with_ranges(keyset: Keyset, where: Any) -> Keyset:
    """The page, which knows of the narrow ranges of days or times in the filter, with both ends and of another column
    than the one that the list is sorted by. Fields of filters are named like their columns."""
    found = ((each.name, getattr(where, each.name)) for each in fields(where) if each.name != keyset.column.key)
    narrow = [(name, bounds) for name, bounds in found if _is_narrow(bounds)]
    if not narrow:
        return keyset
    sorted_by: Any = keyset.column
    columns = sorted_by.table.c
    days = ((columns[name], _days(*bounds)) for name, bounds in narrow if name in columns)
    return replace(keyset, is_narrow=True, days=next((each for each in days if each[1]), None))


def _is_narrow(bounds: Any) -> bool:
    if not isinstance(bounds, tuple) or len(bounds) != ENDS:
        return False
    low, high = bounds
    return isinstance(low, date) and isinstance(high, date) and high - low <= NARROW


def _days(low: date, high: date) -> list[date]:
    """The days of the range if they are few; none of a range of times."""
    count = (high - low).days + 1
    return [] if isinstance(low, datetime) or count > DAYS_MAX else [low + timedelta(each) for each in range(count)]


def _index(table: Table, *columns: ColumnElement[Any]) -> str | None:
    """The index that has the rows in the order of these columns and the id."""
    wanted = [*[each.key for each in columns], table.c.id.key]
    found = (each for each in table.indexes if [column.key for column in each.columns][: len(wanted)] == wanted)
    return next((str(each.name) for each in found), None)
