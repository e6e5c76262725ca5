"""Lists of rows that belong to parents: one statement for a page of each of many parents, one for their counts
and one for their sums."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.counting import count_of
from app.db.filters import Condition
from app.db.makers import maker_of
from app.db.pages import merged_page
from app.db.paging import Keyset
from app.db.statements import query, query_pairs, query_total
from app.db.sums import Amounts
from app.domain.data_scope import DataScope

Row = TypeVar("Row")


def _everything(_where: Any) -> list[Condition]:
    return []


def _whole(where: Any) -> list[Any]:
    return [where]


class Children(Generic[Row]):
    """The rows of a data scope with the column that names their parent.

    `visible` selects the columns of `record`, in its order, of all rows within a scope; `conditions` are those of a
    filter, `amounts` what the rows add up to. `parts` are filters that together match what a filter does, of each of
    which an index has the rows of a parent in the order of the list.
    """

    def __init__(
        self,
        visible: Callable[[DataScope], Select[Any]],
        parent: ColumnElement[Any],
        record: Callable[..., Row],
        conditions: Callable[[Any], list[Condition]] = _everything,
        amounts: Amounts[Any] | None = None,
        parts: Callable[[Any], Sequence[Any]] = _whole,
    ) -> None:
        self.parent = parent
        self._visible = visible
        self._conditions = conditions
        self._amounts = amounts
        self._parts = parts

        make = maker_of(record)

        def with_parent(*row: Any) -> tuple[str, Row]:
            return row[-1], make(*row[:-1])

        self._page_of_one = query(with_parent)(self._select_page)
        self._pages = query(with_parent)(self._select_pages)
        self._count_of_one = query_total(int)(self._select_count)
        self._counts = query_pairs(int)(self._select_counts)
        self._sums = query_pairs(tuple if amounts is None else amounts.of)(self._select_sums)

    async def page(
        self, connection: AsyncConnection, scope: DataScope, parents: Sequence[str], keyset: Keyset, where: Any = None
    ) -> list[tuple[str, Row]]:
        """The first `keyset.limit` rows of each parent, in the keyset's order, with the parent's id."""
        if len(parents) == 1:
            return await self._page_of_one(connection, scope, parents[0], keyset, where)
        return await self._pages(connection, scope, parents, keyset, where)

    async def counts(
        self, connection: AsyncConnection, scope: DataScope, parents: Sequence[str], where: Any = None
    ) -> dict[str, int]:
        """How many rows each parent has; one without rows may be left out. For one parent as `count_of`."""
        if len(parents) == 1:
            return {parents[0]: await self._count_of_one(connection, scope, parents[0], where)}
        return await self._counts(connection, scope, parents, where)

    async def sums(
        self, connection: AsyncConnection, scope: DataScope, parents: Sequence[str], where: Any = None
    ) -> list[Any]:
        """What the rows of each parent add up to, in the order of the parents; None if they have no amounts."""
        if self._amounts is None:
            return [None] * len(parents)
        found = await self._sums(connection, scope, parents, where)
        return [found.get(each, self._amounts.nothing) for each in parents]

    def _select_page(self, scope: DataScope, parent: str, keyset: Keyset, where: Any) -> Select[Any]:
        # Stops at the limit, where the numbers of all rows would have to be known otherwise.
        parts = [self._of(scope, self.parent == parent, part) for part in self._parts(where)]
        pages = [keyset.apply(part.add_columns(self.parent.label("parent_of_row"))) for part in parts]
        return merged_page(pages, keyset)

    def _select_pages(self, scope: DataScope, parents: Sequence[str], keyset: Keyset, where: Any) -> Select[Any]:
        place = func.row_number().over(partition_by=self.parent, order_by=keyset.order).label("place_of_row")
        rows = self._of(scope, self.parent.in_(parents), where).add_columns(self.parent.label("parent_of_row"))
        numbered = keyset.start(rows).add_columns(place).subquery()
        wanted = select(*list(numbered.c)[:-1]).where(numbered.c.place_of_row <= keyset.limit)
        return wanted.order_by(numbered.c.parent_of_row, numbered.c.place_of_row)

    def _select_count(self, scope: DataScope, parent: str, where: Any) -> Select[Any]:
        return count_of(self._of(scope, self.parent == parent, where))

    def _select_counts(self, scope: DataScope, parents: Sequence[str], where: Any) -> Select[Any]:
        rows = self._of(scope, self.parent.in_(parents), where)
        return rows.with_only_columns(self.parent, func.count(), maintain_column_froms=True).group_by(self.parent)

    def _select_sums(self, scope: DataScope, parents: Sequence[str], where: Any) -> Select[Any]:
        totals = [] if self._amounts is None else self._amounts.totals
        rows = self._of(scope, self.parent.in_(parents), where)
        return rows.with_only_columns(self.parent, *totals, maintain_column_froms=True).group_by(self.parent)

    def _of(self, scope: DataScope, is_of_parents: Condition, where: Any) -> Select[Any]:
        conditions = [] if where is None else self._conditions(where)
        return self._visible(scope).where(is_of_parents, *conditions)
