"""Connections on objects: a page of each of many parents, read by one statement for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.children import Children
from app.db.paging import Keyset
from app.domain.data_scope import DataScope
from app.resolvers.context import Context
from app.resolvers.loaders import Related
from app.resolvers.paging import PAGE_MAX, Cursors, Order, Page, keyset_of, page_of

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, eq=False)
class NestedList(Generic[Row]):
    """A connection: its field, such as `Invoice.lines`, its rows, their order, and the most rows of a page."""

    field: str
    children: Children[Row]
    order: Order[Row]
    page_max: int = PAGE_MAX

    async def page(self, ctx: Context, parent: str, *, first: int, after: str | None, where: Any = None) -> Page[Row]:
        """A page of the parent's rows; INVALID_INPUT for `first` outside 1..`page_max` or a foreign cursor.

        Pages of one level that differ only by their parent are read together, and so are their counts and sums.
        """
        keyset = keyset_of(first, after, self._cursors(ctx, parent, where), self.page_max)

        async def pages(connection: AsyncConnection, scope: DataScope, parents: list[str]) -> list[Page[Row]]:
            found: dict[str, list[Row]] = {}
            for key, row in await self.children.page(connection, scope, parents, keyset, where):
                found.setdefault(key, []).append(row)
            return [self._page(ctx, each, found.get(each, []), keyset, where) for each in parents]

        # Built once for each parent: the same one may be on thousands of places of a level.
        result: Page[Row] = await ctx.loaders.related((self, first, keyset.after, where), pages).load(parent)
        return result

    def _page(self, ctx: Context, parent: str, rows: list[Row], keyset: Keyset, where: Any) -> Page[Row]:
        async def counts(connection: AsyncConnection, scope: DataScope, parents: list[str]) -> list[int]:
            found = await self.children.counts(connection, scope, parents, where)
            return [found.get(each, 0) for each in parents]

        async def count() -> int:
            return int(await ctx.loaders.related((self, where), counts).load(parent))

        async def sums() -> Any:
            return await ctx.loaders.related((self, where, "sums"), self._sums(where)).load(parent)

        return replace(page_of(rows, keyset, self._cursors(ctx, parent, where), count), sums=sums)

    def _sums(self, where: Any) -> Related:
        async def read(connection: AsyncConnection, scope: DataScope, parents: list[str]) -> Sequence[Any]:
            return await self.children.sums(connection, scope, parents, where)

        return read

    def _cursors(self, ctx: Context, parent: str, where: Any) -> Cursors[Row]:
        return Cursors(
            ctx.cursor_key, (self.field, parent, where, self.order.column.name, self.order.descending), self.order
        )
