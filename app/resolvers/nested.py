"""Connections on objects: a page of each of many parents, read by one statement for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection
from strawberry.dataloader import DataLoader

from app.db.children import Children
from app.db.counting import RowCount
from app.db.paging import Keyset
from app.domain.data_scope import DataScope
from app.domain.errors import BillingError
from app.resolvers.context import Context
from app.resolvers.loader_kinds import Query
from app.resolvers.paging import PAGE_MAX, Cursors, OfParent, Order, Page, Slice, keyset_of, page_of

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, eq=False)
class NestedList(Generic[Row]):
    """A connection: its field, such as `Invoice.lines`, its rows, their order, and the most rows of a page."""

    field: str
    children: Children[Row]
    order: Order[Row]
    page_max: int = PAGE_MAX

    async def page(self, ctx: Context, parent: str, *, at: Slice, where: Any = None) -> Page[Row]:
        """A page of the parent's rows; errors as `keyset_of` with `page_max`."""
        (found,) = await self.pages(ctx, [parent], at=at, where=where)
        if isinstance(found, Exception):
            raise found
        return found

    async def pages(
        self, ctx: Context, parents: Sequence[str], *, at: Slice, where: Any = None
    ) -> list[Page[Row] | Exception]:
        """A page of each parent, of which there is one at least, or the error in its place, as `page` raises it.

        Pages of one level that differ only by their parent are read together, and so are their counts and sums.
        """
        refused: dict[str, Exception] = {}
        keyset = None
        # A cursor is of one parent, so that each has to be asked whether it is its own.
        for each in parents[:1] if at.cursor is None else dict.fromkeys(parents):
            try:
                keyset = keyset_of(at, self._cursors(ctx, each, where), self.page_max)
            except BillingError as error:
                refused[each] = error
        if keyset is None:
            return [refused.get(each) or refused[parents[0]] for each in parents]
        # Built once for each parent: the same one may be on thousands of places of a level.
        loader = ctx.loaders.related((self, at, where), self._reader(ctx, keyset, where))
        if not refused:
            return await loader.load_level(parents)
        found = iter(await loader.load_level([each for each in parents if each not in refused]))
        return [refused.get(each) or next(found) for each in parents]

    def _reader(self, ctx: Context, keyset: Keyset, where: Any) -> Query[Any]:
        def counts() -> DataLoader[str, Any]:
            return ctx.loaders.related((self, where), self._counts(where))

        def sums() -> DataLoader[str, Any]:
            return ctx.loaders.related((self, where, "sums"), self._sums(where))

        async def read(connection: AsyncConnection, scope: DataScope, parents: list[str]) -> list[Page[Row]]:
            found: dict[str, list[Row]] = {}
            for key, row in await self.children.page(connection, scope, parents, keyset, where):
                found.setdefault(key, []).append(row)
            return [
                replace(
                    page_of(found.get(each, []), keyset, self._cursors(ctx, each, where), OfParent(counts, each)),
                    sums=OfParent(sums, each),
                )
                for each in parents
            ]

        return read

    def _counts(self, where: Any) -> Query[Any]:
        async def read(connection: AsyncConnection, scope: DataScope, parents: list[str]) -> Sequence[RowCount]:
            found = await self.children.counts(connection, scope, parents, where)
            return [RowCount(found.get(each, 0)) for each in parents]

        return read

    def _sums(self, where: Any) -> Query[Any]:
        async def read(connection: AsyncConnection, scope: DataScope, parents: list[str]) -> Sequence[Any]:
            return await self.children.sums(connection, scope, parents, where)

        return read

    def _cursors(self, ctx: Context, parent: str, where: Any) -> Cursors[Row]:
        return Cursors(
            ctx.cursor_key, (self.field, parent, where, self.order.column.name, self.order.descending), self.order
        )
