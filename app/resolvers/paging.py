"""Pages of a list: opaque cursors bound to its filter and order, and a count that runs only on request."""

import asyncio
import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cached_property, partial
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

import orjson
from sqlalchemy import ColumnElement, Table
from sqlalchemy.ext.asyncio import AsyncConnection
from strawberry.dataloader import DataLoader

from app.db.counting import RowCount
from app.db.engine import Database
from app.db.pages import with_ranges
from app.db.paging import Keyset
from app.domain.cursor_key import CursorKey
from app.domain.data_scope import DataScope
from app.domain.errors import BillingError, ErrorCode, refuse
from app.resolvers.context import Context
from app.values.frozen import frozen

Row = TypeVar("Row")
Where = TypeVar("Where")
Item = TypeVar("Item")
PAGE_SIZE: Final = 20
PAGE_MAX: Final = 100
LINES_PAGE_MAX: Final = 1_000
"""Lines of one document: a screen shows an invoice or a statement whole."""


@frozen
class Order(Generic[Row]):
    """A column to sort by, and how to read its value from a record."""

    column: ColumnElement[Any]
    identifier: ColumnElement[str]
    descending: bool
    value: Callable[[Row], Any]
    key: Callable[[Row], str]
    kind: type = datetime


def order_by(table: Table, name: str, kind: type, *, descending: bool = False) -> Order[Any]:
    """The order by a column whose name is also the record's attribute; `kind` is its type in cursors."""
    return Order(table.c[name], table.c.id, descending, attrgetter(name), attrgetter("id"), kind)


@frozen
class Slice:
    """Which page of a list is asked for: its `first` rows, or the first ones `after` a cursor; or its `last` rows, or
    the last ones `before` a cursor. Without numbers its first PAGE_SIZE rows."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    @property
    def is_backward(self) -> bool:
        """Whether the rows are counted from the end, or from a cursor backwards."""
        return self.last is not None

    @property
    def cursor(self) -> str | None:
        """Where the page starts or ends."""
        return self.before if self.is_backward else self.after

    def size(self, most: int) -> int:
        """How many rows the page may have; INVALID_INPUT for a number outside 1..`most`, or for both ways at once."""
        if self.is_backward and self.first is not None:
            raise refuse(ErrorCode.INVALID_INPUT, "give either first or last", "last")
        if self.is_backward and self.after is not None:
            raise refuse(ErrorCode.INVALID_INPUT, "after goes with first, and before with last", "after")
        if not self.is_backward and self.before is not None:
            raise refuse(ErrorCode.INVALID_INPUT, "after goes with first, and before with last", "before")
        number = self.last if self.last is not None else PAGE_SIZE if self.first is None else self.first
        if not 1 <= number <= most:
            name = "last" if self.is_backward else "first"
            raise refuse(ErrorCode.INVALID_INPUT, f"{name} must be 1 to {most}", name)
        return number


@frozen
class PageRequest:
    """The requested page; a cursor is valid only for the same `binding`: name of the list, filter and order."""

    at: Slice
    binding: tuple[Any, ...]


@frozen
class Edge(Generic[Row]):
    """An object of a page; its cursor is signed only when it is asked for."""

    node: Row
    sign: Callable[[Row], str]

    @property
    def cursor(self) -> str:
        """The object's place in the list."""
        return self.sign(self.node)


@frozen
class PageInfo(Generic[Row]):
    has_next_page: bool
    has_previous_page: bool
    edges: Sequence[Edge[Row]]

    @property
    def start_cursor(self) -> str | None:
        """The first object's place; None for an empty page."""
        return self.edges[0].cursor if self.edges else None

    @property
    def end_cursor(self) -> str | None:
        """The last object's place; None for an empty page."""
        return self.edges[-1].cursor if self.edges else None


@frozen
class Page(Generic[Row]):
    """A page, a function that counts the whole list and, for lists of amounts, one that adds it up."""

    edges: Sequence[Edge[Row]]
    page_info: PageInfo[Row]
    count: Callable[[], Awaitable[RowCount]]
    sums: Callable[[], Awaitable[Any]] | None = None

    @property
    def nodes(self) -> list[Row]:
        """The records without their cursors."""
        return [edge.node for edge in self.edges]


async def read_page(
    ctx: Context,
    request: PageRequest,
    order: Order[Row],
    *,
    rows: Callable[[AsyncConnection, Keyset], Awaitable[list[Row]]],
    count: Callable[[AsyncConnection], Awaitable[RowCount]],
    reading: Callable[[], AbstractAsyncContextManager[AsyncConnection]] | None = None,
) -> Page[Row]:
    """Read a page with one statement; errors as `keyset_of`.

    `reading` gives the connection for rows that need another one than a short autocommit read, such as a snapshot.
    """
    cursors = Cursors(ctx.cursor_key, request.binding, order)
    keyset = keyset_of(request.at, cursors)
    # Cursors need the column of the order.
    asked = None if ctx.asked is None else ctx.asked | {str(order.column.key)}
    async with ctx.database.reading(asked) if reading is None else reading() as connection:
        records = await rows(connection, keyset)
    return page_of(records, keyset, cursors, Once(lambda: _count(ctx.database, count)))


def keyset_of(at: Slice, cursors: "Cursors[Row]", most: int = PAGE_MAX) -> Keyset:
    """The rows to read, one more than the page has; INVALID_INPUT as `Slice.size`, or for a cursor of another list."""
    order, limit = cursors.order, at.size(most) + 1
    place = None if at.cursor is None else cursors.signed.place(at.cursor, "before" if at.is_backward else "after")
    descending = order.descending is not at.is_backward
    return Keyset(order.column, order.identifier, descending, limit, place, is_backward=at.is_backward)


def part_of(ordered: Sequence[Item], keyset: Keyset, place: Callable[[Item], tuple[Any, str]]) -> list[Item]:
    """The rows of a list in memory that a page is made of, as a statement gives them; `place` says what a cursor does
    of a row, and rises."""
    if keyset.is_backward:
        end = len(ordered) if keyset.after is None else bisect_left(ordered, keyset.after, key=place)
        return list(reversed(ordered[max(end - keyset.limit, 0) : end]))
    start = 0 if keyset.after is None else bisect_right(ordered, keyset.after, key=place)
    return list(ordered[start : start + keyset.limit])


def page_of(
    records: Sequence[Row], keyset: Keyset, cursors: "Cursors[Row]", count: Callable[[], Awaitable[RowCount]]
) -> Page[Row]:
    """The page with these rows, of which the keyset asks for one more than the page has."""
    has_more, has_left = len(records) == keyset.limit, keyset.after is not None
    sign = cursors.of
    edges = [Edge(row, sign) for row in records[: keyset.limit - 1]]
    if keyset.is_backward:
        edges.reverse()
        return Page(edges, PageInfo(has_left, has_more, edges), count)
    return Page(edges, PageInfo(has_more, has_left, edges), count)


class Once:
    """A count that is made for the first who asks; the others wait for it."""

    def __init__(self, count: Callable[[], Awaitable[RowCount]]) -> None:
        self._count = count
        self._counting: asyncio.Future[RowCount] | None = None

    async def __call__(self) -> RowCount:
        """The count."""
        if self._counting is None:
            self._counting = asyncio.ensure_future(self._count())
        return await self._counting


@frozen
class OfParent:
    """What a dataloader has for a parent, such as the count of its rows."""

    loader: Callable[[], DataLoader[str, Any]]
    parent: str

    async def __call__(self) -> Any:
        """The value."""
        return await self.loader().load(self.parent)


async def values_of(asked: Sequence[Callable[[], Awaitable[Any]]]) -> list[Any]:
    """What each of these functions gives; those of parents of one level are asked for together."""
    loaders = {each.loader if isinstance(each, OfParent) else None for each in asked}
    loader = loaders.pop()
    if loader is None or loaders:
        return [await each() for each in asked]
    return await loader().load_many([each.parent for each in asked if isinstance(each, OfParent)])


class Cursors(Generic[Row]):
    """The cursors of a list, signed only when they are asked for."""

    def __init__(self, key: CursorKey, binding: tuple[Any, ...], order: Order[Row]) -> None:
        self._key = key
        self._binding = binding
        self.order = order

    @cached_property
    def signed(self) -> "ListCursors":
        """What signs and reads them."""
        return ListCursors(self._key, _digest(self._binding), self.order.kind)

    def of(self, row: Row) -> str:
        """The cursor of a row."""
        return self.signed.cursor(self.order.value(row), self.order.key(row))


@frozen
class ScopedList(Generic[Where, Row]):
    """A list of the rows in a caller's data scope: its root field, and the queries for a page, the count and sums."""

    field: str
    rows: Callable[[AsyncConnection, DataScope, Where, Keyset], Awaitable[list[Row]]]
    count: Callable[[AsyncConnection, DataScope, Where], Awaitable[RowCount]]
    sums: Callable[[AsyncConnection, DataScope, Where], Awaitable[Any]] | None = None

    async def page(self, ctx: Context, where: Where, order: Order[Row], *, at: Slice) -> Page[Row]:
        """A page of it; errors as `read_page`."""

        async def rows(connection: AsyncConnection, keyset: Keyset) -> list[Row]:
            return await self.rows(connection, ctx.scope, where, with_ranges(keyset, where))

        async def count(connection: AsyncConnection) -> RowCount:
            return await self.count(connection, ctx.scope, where)

        binding = (self.field, where, order.column.name, order.descending)
        found = await read_page(ctx, PageRequest(at, binding), order, rows=rows, count=count)
        return found if self.sums is None else replace(found, sums=partial(self._sums, ctx, where))

    async def _sums(self, ctx: Context, where: Where) -> Any:
        async with ctx.database.reading() as connection:
            return None if self.sums is None else await self.sums(connection, ctx.scope, where)


async def _count(database: Database, count: Callable[[AsyncConnection], Awaitable[RowCount]]) -> RowCount:
    async with database.reading() as connection:
        return await count(connection)


def _digest(binding: tuple[Any, ...]) -> str:
    plain = orjson.dumps(binding, default=str, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(plain, digest_size=6).hexdigest()


@frozen
class ListCursors:
    """The cursors of one list with one filter and order, known by their `digest`; `kind` is the sort value's type."""

    key: CursorKey
    digest: str
    kind: type

    def cursor(self, value: Any, identifier: str) -> str:
        """The cursor of the object with this sort value and identifier."""
        text = value.isoformat() if isinstance(value, (date, datetime)) else value
        return self.key.sign(orjson.dumps([self.digest, text, identifier]))

    def place(self, cursor: str, argument: str) -> tuple[Any, str]:
        """The sort value and the identifier; INVALID_INPUT at the argument for a cursor of another list, or of nobody's
        making."""
        try:
            digest, value, identifier = orjson.loads(self.key.content(cursor))
        except ValueError:
            raise _foreign_cursor(argument) from None
        if digest != self.digest:
            raise _foreign_cursor(argument)
        return self._typed(value), identifier

    def _typed(self, value: Any) -> Any:
        if self.kind is datetime:
            return datetime.fromisoformat(value).astimezone(UTC)
        return date.fromisoformat(value) if self.kind is date else value


def _foreign_cursor(argument: str) -> BillingError:
    message = "use a cursor of this list, with the same filter and order"
    return refuse(ErrorCode.INVALID_INPUT, message, argument)
