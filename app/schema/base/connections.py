"""Bases of object types, and connections, shared by every feature."""

from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

import strawberry
from graphql import GRAPHQL_MAX_INT

from app.db.counting import COUNTED_MAX
from app.executor.reach import Owner
from app.resolvers import paging
from app.resolvers.context import Context
from app.schema.base.info import Info
from app.schema.base.relations import batched
from app.schema.base.streams import STREAM_CURSOR, stream_cursor
from app.schema.base.types import interface_type, object_type

Item = TypeVar("Item")


def at_most_int(count: int) -> int:
    """The count, or the largest Int of GraphQL: a list that is longer is counted no further."""
    return min(count, GRAPHQL_MAX_INT)


class OfRecord:
    """A type whose values are records of one class; how Strawberry knows the type of a value behind an interface.

    `owner` says whose the records are, and so who may share an answer that contains them (`app/executor/reach.py`).
    """

    record: ClassVar[type[Any]]
    owner: ClassVar[Owner] = Owner.SCOPED

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, cls.record)


@interface_type(description="An object with a globally unique id.")
class Node(OfRecord):
    id: strawberry.ID = strawberry.field(
        description="Globally unique id: a type prefix and a sortable random part, such as `clm_01k8…`, or the "
        "object's own key, such as `pyr_123456`."
    )


@object_type(description="Position of a page in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(
        description="Whether another page follows; of a page that is read backwards, whether it ends before a cursor."
    )
    has_previous_page: bool = strawberry.field(
        description="Whether another page precedes; of a page that is read forwards, whether it starts after a cursor."
    )
    start_cursor: str | None = strawberry.field(
        description="Cursor of the first object on the page (null if empty): pass it as `before` for the page before."
    )
    end_cursor: str | None = strawberry.field(
        description="Cursor of the last object on the page (null if empty): pass it as `after` for the next page."
    )


@object_type(description="An object on a page and its cursor.")
class Edge(Generic[Item]):
    cursor: str = strawberry.field(description="Position of the object; valid for the same list, filter and order.")
    node: Item = strawberry.field(description="The object.")


async def _total_counts(_ctx: Context, pages: Sequence[paging.Page[object]]) -> list[int]:
    return [each.total for each in await paging.values_of([page.count for page in pages])]


async def _are_longer(_ctx: Context, pages: Sequence[paging.Page[object]]) -> list[bool]:
    return [each.is_longer for each in await paging.values_of([page.count for page in pages])]


@object_type(description="A page of a list.")
class Connection(Generic[Item]):
    edges: list[Edge[Item]] = strawberry.field(description="The objects with their cursors.")
    nodes: list[Item] = strawberry.field(description="The objects without their cursors.")
    page_info: PageInfo = strawberry.field(description="Position of the page in the list.")

    total_count = batched(
        int,
        _total_counts,
        description=f"Number of objects in the whole list, counted on request and up to {COUNTED_MAX:,}. If "
        "`isLongerThanCounted` is true, it has at least so many.",
        asked=frozenset(),
    )
    is_longer_than_counted = batched(
        bool,
        _are_longer,
        description=f"Whether the list may have more objects than `totalCount`: it has more than {COUNTED_MAX:,}, or "
        "the count has ended because it had looked at too many. Counted on request.",
        asked=frozenset(),
    )

    @strawberry.field(description=STREAM_CURSOR)
    def stream_cursor(_page: strawberry.Parent[paging.Page[object]], info: Info) -> str | None:
        return stream_cursor(info.context)


def connection_of(item: Any) -> Any:
    """The connection of a type that is only known when the schema is built (`later`)."""
    connection: Any = Connection
    return connection[item]
