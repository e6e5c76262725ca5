"""Keyset paging: a page begins behind the last row seen, whatever was inserted before it in the meantime."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_


@dataclass(frozen=True, slots=True)
class Keyset:
    """An order over one column and the id, and the place (column value, id) behind which the page begins.

    `limit` counts rows; ask for one more than the page holds to learn whether another page follows.
    """

    column: ColumnElement[Any]
    identifier: ColumnElement[str]
    descending: bool
    limit: int
    after: tuple[Any, str] | None = None

    def apply(self, query: Select[Any]) -> Select[Any]:
        """The statement with order, limit and starting place."""
        if self.after is not None:
            query = query.where(self._behind(*self.after))
        order = [self.column, self.identifier]
        return query.order_by(*[part.desc() if self.descending else part.asc() for part in order]).limit(self.limit)

    def _behind(self, value: Any, identifier: str) -> ColumnElement[bool]:
        column, key = self.column, self.identifier
        if self.descending:
            return and_(column <= value, or_(column < value, key < identifier))
        return and_(column >= value, or_(column > value, key > identifier))
