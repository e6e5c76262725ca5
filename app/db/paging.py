"""Keyset paging: a page starts after the last row of the page before, whatever was inserted in the meantime."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_


@dataclass(frozen=True, slots=True)
class Keyset:
    """An order over one column and the id, and the (column value, id) after which the page starts.

    `limit` counts rows; ask for one more than the page needs to learn whether another page follows.
    """

    column: ColumnElement[Any]
    identifier: ColumnElement[str]
    descending: bool
    limit: int
    after: tuple[Any, str] | None = None
    is_narrow: bool = False
    """Whether the list is filtered by a narrow range of days or times, see `app/db/pages.py`."""

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

    def _is_after(self, value: Any, identifier: str) -> ColumnElement[bool]:
        # The same as (column, id) > (value, identifier), as a plain range on the column that an index can seek to.
        column, key = self.column, self.identifier
        if self.descending:
            return and_(column <= value, or_(column < value, key < identifier))
        return and_(column >= value, or_(column > value, key > identifier))
