"""How lists are sorted: a field, and a direction."""

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from typing import Any, Final, TypeVar

import strawberry

from app.domain.described import DescribedEnum
from app.resolvers.paging import Order
from app.schema.base.described import described

Field = TypeVar("Field", bound=Enum)


class OrderDirection(DescribedEnum):
    ASC = "ASC", "Smallest or earliest first."
    DESC = "DESC", "Largest or latest first."


described(OrderDirection, "Direction of an order.")
SORT_BY: Final = "What to sort by."
DIRECTION: Final = "Direction."


class Ordering:
    """What every order has: `field` is a member of the list's own enum."""

    field: Any
    direction: OrderDirection


def ordered(orders: Mapping[Field, Order[Any]], given: Ordering | None, default: Order[Any]) -> Order[Any]:
    """The order of a page: as the caller asks, or the list's own."""
    if given is None:
        return default
    return replace(orders[given.field], descending=given.direction is OrderDirection.DESC)


def needs_of(given: Ordering | None, needs: Mapping[Field, tuple[str, ...]]) -> tuple[str, ...]:
    """The permissions that the order needs, because sorting by a value reveals it."""
    return () if given is None else needs.get(given.field, ())


def direction() -> Any:
    """The field for the direction, the same in all orders."""
    return strawberry.field(description=DIRECTION)


def sort_by() -> Any:
    """The field for the column, the same in all orders."""
    return strawberry.field(description=SORT_BY)
