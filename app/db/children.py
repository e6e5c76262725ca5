"""Lists of rows that belong to parents: one statement for a page of each of many parents, one for their counts
and one for their sums."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.counting import count_rows
from app.db.engine import fetch
from app.db.filters import Condition
from app.db.paging import Keyset
from app.db.sums import Amounts
from app.domain.data_scope import DataScope

Row = TypeVar("Row")


def _everything(_where: Any) -> list[Condition]:
    return []


@dataclass(frozen=True, slots=True, eq=False)
class Children(Generic[Row]):
    """The rows of a data scope with the column that names their parent.

    `visible` selects the columns of `record`, in its order, of all rows within a scope; `conditions` are those of a
    filter, `amounts` what the rows add up to.
    """

    visible: Callable[[DataScope], Select[Any]]
    parent: ColumnElement[Any]
    record: Callable[..., Row]
    conditions: Callable[[Any], list[Condition]] = _everything
    amounts: Amounts[Any] | None = None

    async def page(
        self, connection: AsyncConnection, scope: DataScope, parents: Sequence[str], keyset: Keyset, where: Any = None
    ) -> list[tuple[str, Row]]:
        """The first `keyset.limit` rows of each parent, in the keyset's order, with the parent's id."""
        query = self._of(scope, parents, where).add_columns(self.parent.label("parent_of_row"))
        if len(parents) == 1:
            # Stops at the limit, where the numbers of all rows would have to be known otherwise.
            return await fetch(connection, keyset.apply(query), self._with_parent)
        place = func.row_number().over(partition_by=self.parent, order_by=keyset.order).label("place_of_row")
        numbered = keyset.start(query).add_columns(place).subquery()
        wanted = select(*list(numbered.c)[:-1]).where(numbered.c.place_of_row <= keyset.limit)
        ordered = wanted.order_by(numbered.c.parent_of_row, numbered.c.place_of_row)
        return await fetch(connection, ordered, self._with_parent)

    async def counts(
        self, connection: AsyncConnection, scope: DataScope, parents: Sequence[str], where: Any = None
    ) -> dict[str, int]:
        """How many rows each parent has; one without rows may be left out. For one parent as `count_rows`."""
        query = self._of(scope, parents, where)
        if len(parents) == 1:
            return {parents[0]: await count_rows(connection, query)}
        grouped = query.with_only_columns(self.parent, func.count(), maintain_column_froms=True).group_by(self.parent)
        return {parent: int(count) for parent, count in (await connection.execute(grouped)).all()}

    async def sums(
        self, connection: AsyncConnection, scope: DataScope, parents: Sequence[str], where: Any = None
    ) -> list[Any]:
        """What the rows of each parent add up to, in the order of the parents; None if they have no amounts."""
        if self.amounts is None:
            return [None] * len(parents)
        query = self._of(scope, parents, where)
        totals = query.with_only_columns(self.parent, *self.amounts.totals, maintain_column_froms=True)
        rows = (await connection.execute(totals.group_by(self.parent))).all()
        found = {row[0]: row[1:] for row in rows}
        return [self.amounts.of(found.get(each)) for each in parents]

    def _of(self, scope: DataScope, parents: Sequence[str], where: Any) -> Select[Any]:
        conditions = [] if where is None else self.conditions(where)
        return self.visible(scope).where(self.parent.in_(parents), *conditions)

    def _with_parent(self, *row: Any) -> tuple[str, Row]:
        return row[-1], self.record(*row[:-1])
