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

    def apply(self, query: Select[Any]) -> Select[Any]:
        """The statement with order, limit and start."""
        if self.after is not None:
            query = query.where(self._is_after(*self.after))
        order = [self.column, self.identifier]
        return query.order_by(*[part.desc() if self.descending else part.asc() for part in order]).limit(self.limit)

    def _is_after(self, value: Any, identifier: str) -> ColumnElement[bool]:
        # The same as (column, id) > (value, identifier), as a plain range on the column that an index can seek to.
        column, key = self.column, self.identifier
        if self.descending:
            return and_(column <= value, or_(column < value, key < identifier))
        return and_(column >= value, or_(column > value, key > identifier))
