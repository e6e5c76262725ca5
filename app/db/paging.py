"""Keyset paging: a page starts after the last row of the page before, whatever was inserted in the meantime."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_

from app.values.frozen import frozen


@frozen
class Keyset:
    """An order over one column and the id, and the (column value, id) after which the page starts.

    `limit` counts rows; ask for one more than the page needs to learn whether another page follows. A page that is read
    backwards is read in the other order, after the place that it ends before, and turned round by the reader.
    """

    column: ColumnElement[Any]
    identifier: ColumnElement[str]
    descending: bool
    limit: int
    after: tuple[Any, str] | None = None
    is_backward: bool = False
    is_narrow: bool = False
    """Whether the list is filtered by a narrow range of days or times, see `app/db/pages.py`."""
    days: tuple[ColumnElement[date], Sequence[date]] | None = None
    """The column and the days of a range of few days that the list is filtered by, see `app/db/pages.py`."""

    def apply(self, query: Select[Any]) -> Select[Any]:
        """The statement with order, limit and start."""
        return self.start(query).order_by(*self.order).limit(self.limit)

    @property
    def order(self) -> list[ColumnElement[Any]]:
        """What to order by."""
        return [part.desc() if self.descending else part.asc() for part in (self.column, self.identifier)]

    def start(self, query: Select[Any]) -> Select[Any]:
        """The statement with the rows after the start only."""
        return query if self.after is None else query.where(self._is_after(*self.after))

    def apply_to_groups(
        self, query: Select[Any], key: ColumnElement[str], *sorted_by: ColumnElement[Any]
    ) -> Select[Any]:
        """The statement with the groups that the page is made of: each has a key, after which these columns sort."""
        if self.after is not None:
            query = query.where(key < self.after[1] if self.descending else key > self.after[1])
        order = [each.desc() if self.descending else each.asc() for each in sorted_by]
        return query.order_by(*order).limit(self.limit)

    def _is_after(self, value: Any, identifier: str) -> ColumnElement[bool]:
        # The same as (column, id) > (value, identifier), as a plain range on the column that an index can seek to.
        column, key = self.column, self.identifier
        if self.descending:
            return and_(column <= value, or_(column < value, key < identifier))
        return and_(column >= value, or_(column > value, key > identifier))
