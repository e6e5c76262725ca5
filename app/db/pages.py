"""The statements for a page of a table and for the number of its rows. A page chooses the ids by indexes, and reads
only its own rows; a count asks the other tables about a bounded number of rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    Select,
    Table,
    True_,
    UniqueConstraint,
    select,
    union,
    union_all,
)

from app.db.arguments import DAYS_MAX
from app.db.counting import CANDIDATES_MAX, Way, count_by, count_of
from app.db.filters import Condition, Elsewhere
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


def itself(row: FromClause) -> FromClause:
    """The row, which needs no other table."""
    return row


def nothing(_row: Any) -> tuple[()]:
    """No condition."""
    return ()


@frozen
class Others:
    """What decides about the rows of a list besides what its indexes have: other tables, most of all. All of it is made
    from the row: the list's table, or some rows of it with these `columns`, the id first."""

    columns: Sequence[ColumnElement[Any]] = ()
    source: Callable[[FromClause], FromClause] = itself
    """The row, joined with what the conditions need."""
    found_by: Sequence[Column[Any]] = ()
    """The columns, one of each table that is joined, by whose index its row is looked up."""
    conditions: Callable[[Any], Sequence[Condition]] = nothing
    """Those about joined tables, and those of the row that no index has."""
    elsewhere: Callable[[Any], Sequence[Elsewhere]] = nothing


NONE: Final = Others()


@frozen
class Start:
    """Rows of another table by which a list may be counted, to each of which an index has those of the list. `source`
    joins them with the list's table and what its conditions need, in this order, by indexes of these columns."""

    rows: Select[Any]
    source: Callable[[FromClause], FromClause]
    found_by: Sequence[Column[Any]]
    is_first: bool = False
    """Whether these rows are fewer than those of the list's own table."""


@frozen
class Chosen:
    """Which rows of a table a list has: the `conditions` of scope and filter that its indexes have, and the lists of
    `values` among them, for the choice of an index; and what `others` tables decide. `newest` is the column in whose
    order, behind any of the values, an index has the rows: the newest are counted if not all are looked at."""

    table: Table
    conditions: Sequence[Condition]
    values: Sequence[Values] = ()
    others: Others = NONE
    start: Start | None = None
    newest: ColumnElement[Any] | None = None

    @property
    def source(self) -> FromClause:
        """The table, with those that the conditions need."""
        return self.others.source(self.table)

    @property
    def every(self) -> list[Condition]:
        """All conditions."""
        elsewhere = [each.condition for each in self.others.elsewhere(self.table.c)]
        return [*self.conditions, *self.others.conditions(self.table.c), *elsewhere]

    @property
    def is_restricted(self) -> bool:
        """Whether a condition on the table itself rules out some rows."""
        return bool(self._asked)

    @property
    def _is_decided_by_others(self) -> bool:
        row = self.table.c
        return self.source is not self.table or bool([*self.others.conditions(row), *self.others.elsewhere(row)])

    @property
    def _asked(self) -> list[Condition]:
        return [each for each in self.conditions if not isinstance(each, True_)]

    def count(self, most: int = CANDIDATES_MAX) -> Select[Any]:
        """The number of rows: as `count_by` if other tables decide, and else as `count_of`."""
        if not self._is_decided_by_others:
            return count_of(select(self.table.c.id).where(*self.conditions))
        own = Way(self.candidates(self.others.columns), self._met)
        if self.start is None:
            return count_by([own], most)
        other = Way(self.start.rows, partial(self._reached, self.start))
        if not self.is_restricted:
            return count_by([other], most)
        return count_by([other, own] if self.start.is_first else [own, other], most)

    def candidates(self, columns: Sequence[ColumnElement[Any]]) -> Select[Any]:
        """The rows of the table that its conditions leave, the newest first where an index has them so."""
        return select(*columns).where(*self.conditions).order_by(*self._newest_first())

    def first(
        self,
        source: Callable[[FromClause], FromClause],
        *found_by: Column[Any],
        is_first: bool = False,
    ) -> Start:
        """Its rows as the start of another list; `start` is the column of their ids."""
        return Start(self.candidates([self.table.c.id.label("start")]), source, found_by, is_first)

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
        query = select(self.table.c.id, keyset.column.label("place")).select_from(self.source).where(*self.every)
        index = _index(self.table, keyset.column)
        if index is None or not keyset.is_narrow:
            return query
        return query.with_hint(self.table, f"IGNORE INDEX FOR ORDER BY ({index})", "mysql")

    def _met(self, candidates: FromClause) -> Select[Any]:
        """The candidates that other tables do not rule out."""
        rows = select(candidates.c.id).select_from(self.others.source(candidates))
        return self._decided(rows, candidates.c, self.others.found_by)

    def _reached(self, start: Start, candidates: FromClause) -> Select[Any]:
        """The rows of the list, each once, that belong to rows of the start."""
        rows = select(self.table.c.id).distinct().select_from(start.source(candidates)).where(*self.conditions)
        return self._decided(rows, self.table.c, start.found_by)

    def _decided(self, rows: Select[Any], row: Any, found_by: Sequence[Column[Any]]) -> Select[Any]:
        # In this order and by these indexes, or the server reads all rows of a payer for each row of the list.
        rows = rows.prefix_with("STRAIGHT_JOIN", dialect="mysql")
        for column in found_by:
            rows = rows.with_hint(column.table, f"FORCE INDEX FOR JOIN ({_first_index(column)})", "mysql")
        looked_up = [each.looked_up for each in self.others.elsewhere(row)]
        return rows.where(*self.others.conditions(row), *looked_up)

    def _newest_first(self) -> list[ColumnElement[Any]]:
        """The order of the candidates, if an index has them in one: there is no condition, each asks for one value, or
        the only one for several, which come one after the other."""
        if self.newest is not None and not self._asked and not self._has_columns(self.newest):
            # The server would sort all rows. Ids are in the order of creation too.
            return [self.table.c.id.desc()]
        lists = [(column, set(values)) for column, values in self.values if values is not None]
        several = [column for column, values in lists if len(values) > 1]
        if self.newest is None or len(self._asked) > (1 if several else len(lists)):
            return []
        if self._asked and not any(_index(self.table, column, self.newest) for column in several or dict(lists)):
            return []
        return [each.desc() for each in (*several, self.newest)]

    def _has_columns(self, newest: ColumnElement[Any]) -> bool:
        """Whether an index in this order has what the candidates are asked."""
        wanted = {each.key for each in self.others.columns}
        indexes = ([each.key for each in index.columns] for index in self.table.indexes)
        return any(keys[0] == newest.key and wanted <= set(keys) for keys in indexes)

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


def merged_page(pages: Sequence[Select[Any]], keyset: Keyset) -> Select[Any]:
    """The page of what these pages of whole rows have together; each is read in the order of an index."""
    if len(pages) == 1:
        return pages[0]
    rows = union_all(*[select(each.subquery()) for each in pages]).subquery("merged")
    order = [rows.c[str(column.key)] for column in (keyset.column, keyset.identifier)]
    return select(rows).order_by(*[each.desc() if keyset.descending else each for each in order]).limit(keyset.limit)


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
    wanted = list(dict.fromkeys([*[each.key for each in columns], table.c.id.key]))
    found = (each for each in table.indexes if [column.key for column in each.columns][: len(wanted)] == wanted)
    return next((str(each.name) for each in found), None)


def _first_index(column: Column[Any]) -> str:
    """The index that begins with this column, a unique one if there are several."""
    if column.primary_key:
        return "PRIMARY"
    table: Any = column.table
    keys = [*[each for each in table.constraints if isinstance(each, UniqueConstraint)], *table.indexes]
    return next(str(each.name) for each in keys if next(iter(each.columns)) is column)
