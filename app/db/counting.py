"""How many rows a list has, counted to two bounds: an exact count of a million rows reads a million rows."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, case, func, literal_column, or_, select

from app.db.filters import Condition
from app.values.frozen import frozen

COUNTED_MAX: Final = 10_000
"""A list that is longer is counted no further."""
CANDIDATES_MAX: Final = 50_000
"""So many rows are asked for what no index of their own table knows, in a tenth of a second for one look-up of each;
lists of rows that need more ask fewer."""


@frozen
class RowCount:
    """The rows that were found, COUNTED_MAX + 1 for every larger number; `is_cut` if some were not looked at."""

    found: int
    is_cut: bool = False

    @property
    def total(self) -> int:
        """How many rows the list has at least."""
        return min(self.found, COUNTED_MAX)

    @property
    def is_longer(self) -> bool:
        """Whether it may have more."""
        return self.is_cut or self.found > COUNTED_MAX


def row_count(found: int, is_cut: int = 0, found_otherwise: int = 0) -> RowCount:
    """The count from the row of a statement: what one way has found or the other, the more if neither saw all."""
    return RowCount(max(found, found_otherwise), bool(is_cut))


def count_of(rows: Select[Any], most: int = COUNTED_MAX) -> Select[Any]:
    """The statement for the number of rows, at most `most` + 1, for conditions that an index serves.

    Of the columns only the first is read, the id: every index has it.
    """
    return select(func.count()).select_from(_limited(rows, most))


@frozen
class Way:
    """A way to count: the ids `found` among some candidates, from whose columns `found` makes their statement. An index
    has the candidates, so that the server looks at no more rows than it gives."""

    candidates: Select[Any]
    found: Callable[[Any], Select[Any]]

    def rows(self, most: int) -> Any:
        """The ids found among the first `most` candidates."""
        return _limited(self.found(self.candidates.limit(most).subquery("candidate")), COUNTED_MAX)

    def is_cut(self, most: int) -> Condition:
        """Whether there are more candidates."""
        number: ColumnElement[int] = literal_column("1")
        one = self.candidates.with_only_columns(number, maintain_column_froms=True).order_by(None)
        return one.limit(1).offset(most).scalar_subquery().is_not(None)


def count_by(ways: Sequence[Way], most: int) -> Select[Any]:
    """The statement for the row of `row_count`, by one or two ways: the first if it has no more than `most` candidates,
    or else the second; both if that has more, too."""
    first, last = ways[0], ways[-1]
    count: ColumnElement[int] = func.count()
    if len(ways) == 1:
        # Whoever has found enough need not know whether there are more.
        columns = (count, case((count > COUNTED_MAX, False), else_=first.is_cut(most)))
        return select(*columns).select_from(first.rows(most))
    # With a limit, the server makes these rows before all else, and then runs only what is needed.
    one = select(first.is_cut(most).label("is_first_cut")).limit(1).subquery("one").c.is_first_cut
    both = select(one, case((one, last.is_cut(most)), else_=False).label("is_last_cut")).limit(1).subquery("cut").c
    by_first, by_last = (select(count).select_from(each.rows(most)).scalar_subquery() for each in ways)
    is_needed = or_(~both.is_first_cut, both.is_last_cut)
    counts = case((is_needed, by_first), else_=0), case((both.is_first_cut, by_last), else_=0)
    return select(counts[0], both.is_last_cut, counts[1])


def _limited(rows: Select[Any], most: int) -> Any:
    return rows.with_only_columns(rows.selected_columns[0]).limit(most + 1).subquery("counted")
