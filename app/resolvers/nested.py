"""Connections on objects: a page of each of many parents, read by one statement for all of them."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from app.db.children import Children
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, PageRequest, opened, page_of

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, eq=False)
class NestedList(Generic[Row]):
    """A connection: its field, such as `Invoice.lines`, its rows and their order."""

    field: str
    children: Children[Row]
    order: Order[Row]

    async def page(self, ctx: Context, parent: str, *, first: int, after: str | None, where: Any = None) -> Page[Row]:
        """A page of the parent's rows; INVALID_INPUT for `first` outside 1..100 or a cursor of another list or parent.

        Pages of one level that differ only by their parent are read together, and so are their counts.
        """
        binding = (self.field, parent, where, self.order.column.name, self.order.descending)
        keyset, sign = opened(ctx, PageRequest(first, after, binding), self.order)
        rows = await ctx.loaders.children(self.children, keyset, where).load(parent)
        return page_of(rows, keyset, sign, lambda: ctx.loaders.child_counts(self.children, where).load(parent))
