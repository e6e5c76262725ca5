"""Pages of a list: opaque cursors bound to its filter and order, and a count that runs only on request."""

import base64
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

import orjson
from sqlalchemy import ColumnElement, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import Database
from app.db.paging import Keyset
from app.domain.data_scope import DataScope
from app.domain.errors import BillingError, ErrorCode, refuse

Row = TypeVar("Row")
Where = TypeVar("Where")
PAGE_MAX: Final = 100
AMOUNT_MAX: Final = 10**15


@dataclass(frozen=True, slots=True)
class Order(Generic[Row]):
    """A column to sort by, and how to read its value from a record."""

    column: ColumnElement[Any]
    identifier: ColumnElement[str]
    descending: bool
    value: Callable[[Row], Any]
    key: Callable[[Row], str]
    kind: type = datetime


def order_by(table: Table, name: str, kind: type, *, descending: bool) -> Order[Any]:
    """The order by a column whose name is also the record's attribute; `kind` is its type in cursors."""
    return Order(table.c[name], table.c.id, descending, attrgetter(name), attrgetter("id"), kind)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The requested page; a cursor is valid only for the same `binding`: name of the list, filter and order."""

    first: int
    after: str | None
    binding: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Edge(Generic[Row]):
    cursor: str
    node: Row


@dataclass(frozen=True, slots=True)
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """A page and a function that counts the whole list."""

    edges: Sequence[Edge[Row]]
    page_info: PageInfo
    count: Callable[[], Awaitable[int]]

    @property
    def nodes(self) -> list[Row]:
        """The records without their cursors."""
        return [edge.node for edge in self.edges]


async def read_page(
    database: Database,
    request: PageRequest,
    order: Order[Row],
    *,
    rows: Callable[[AsyncConnection, Keyset], Awaitable[list[Row]]],
    count: Callable[[AsyncConnection], Awaitable[int]],
) -> Page[Row]:
    """Read a page with one statement; INVALID_INPUT for `first` outside 1..100 or a cursor of another list."""
    if not 1 <= request.first <= PAGE_MAX:
        raise refuse(ErrorCode.INVALID_INPUT, f"first must be 1 to {PAGE_MAX}", "first")
    digest = _digest(request.binding)
    after = None if request.after is None else _decode(request.after, digest, order.kind)
    keyset = Keyset(order.column, order.identifier, order.descending, request.first + 1, after)
    async with database.reading() as connection:
        records = await rows(connection, keyset)
    edges = [Edge(_encode(order.value(row), order.key(row), digest), row) for row in records[: request.first]]
    info = PageInfo(
        has_next_page=len(records) > request.first,
        has_previous_page=after is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return Page(edges, info, lambda: _count(database, count))


@dataclass(frozen=True, slots=True)
class ScopedList(Generic[Where, Row]):
    """A list of the rows in a caller's data scope: its root field, and the queries for a page and for the count."""

    field: str
    rows: Callable[[AsyncConnection, DataScope, Where, Keyset], Awaitable[list[Row]]]
    count: Callable[[AsyncConnection, DataScope, Where], Awaitable[int]]

    async def page(
        self, database: Database, scope: DataScope, where: Where, order: Order[Row], *, first: int, after: str | None
    ) -> Page[Row]:
        """A page of it; errors as `read_page`."""

        async def rows(connection: AsyncConnection, keyset: Keyset) -> list[Row]:
            return await self.rows(connection, scope, where, keyset)

        async def count(connection: AsyncConnection) -> int:
            return await self.count(connection, scope, where)

        binding = (self.field, where, order.column.name, order.descending)
        return await read_page(database, PageRequest(first, after, binding), order, rows=rows, count=count)


async def _count(database: Database, count: Callable[[AsyncConnection], Awaitable[int]]) -> int:
    async with database.reading() as connection:
        return await count(connection)


def _digest(binding: tuple[Any, ...]) -> str:
    plain = orjson.dumps(binding, default=str, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(plain, digest_size=6).hexdigest()


def _encode(value: Any, identifier: str, digest: str) -> str:
    text = value.isoformat() if isinstance(value, (date, datetime)) else value
    return base64.urlsafe_b64encode(orjson.dumps([digest, text, identifier])).decode().rstrip("=")


def _decode(cursor: str, digest: str, kind: type) -> tuple[Any, str]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        bound_to, value, identifier = orjson.loads(base64.urlsafe_b64decode(padded))
        position = _typed(value, kind), str(identifier)
    except (ValueError, TypeError):
        raise _foreign_cursor() from None
    if bound_to != digest:
        raise _foreign_cursor()
    return position


def _foreign_cursor() -> BillingError:
    message = "use a cursor of this list, with the same filter and order"
    return refuse(ErrorCode.INVALID_INPUT, message, "after")


def _typed(value: Any, kind: type) -> Any:
    if kind is datetime:
        return datetime.fromisoformat(value).astimezone(UTC)
    if kind is date:
        return date.fromisoformat(value)
    if not isinstance(value, kind) or (isinstance(value, int) and not 0 <= value <= AMOUNT_MAX):
        raise TypeError(value)
    return value
