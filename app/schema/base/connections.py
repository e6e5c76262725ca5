"""The Node interface and connections, shared by every feature."""

from typing import Generic, TypeVar

import strawberry

from app.resolvers import paging

Item = TypeVar("Item")


@strawberry.interface(description="An object with an id that is unique in the whole gateway.")
class Node:
    id: strawberry.ID = strawberry.field(description="A type prefix and a sortable random part, such as `clm_01k8…`.")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether another page follows.")
    has_previous_page: bool = strawberry.field(description="Whether this page began behind a cursor.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first object on the page.")
    end_cursor: str | None = strawberry.field(description="Give it as `after` to get the next page.")


@strawberry.type(description="One object of a page with its cursor.")
class Edge(Generic[Item]):
    cursor: str = strawberry.field(description="The object's place in this list, filter and order.")
    node: Item = strawberry.field(description="The object.")


@strawberry.type(description="One page of a list.")
class Connection(Generic[Item]):
    edges: list[Edge[Item]] = strawberry.field(description="The objects with their cursors.")
    nodes: list[Item] = strawberry.field(description="The objects alone.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the list.")

    @strawberry.field(description="How many objects the whole list has; counted only when asked for.")
    async def total_count(page: strawberry.Parent[paging.Page[object]]) -> int:
        return await page.count()
