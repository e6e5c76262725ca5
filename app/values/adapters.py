"""Checkers of stored and received values, made when they are first used: each takes 0.1 to 2 ms."""

from functools import cache
from typing import TypeVar

from pydantic import TypeAdapter

Value = TypeVar("Value")


@cache
def adapter_of(kind: type[Value]) -> TypeAdapter[Value]:
    """Pydantic's adapter of a type, one for all who ask."""
    return TypeAdapter(kind)
