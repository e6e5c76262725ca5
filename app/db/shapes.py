"""Statements of few shapes: SQLAlchemy compiles each text once and stores it, so a text for every number of rows would
fill the memory. Lists in an IN are no matter: they are filled in after the compilation."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, TypeVar

Item = TypeVar("Item")
GROWTH: Final = 4


def padded(items: Sequence[Item], filler: Iterator[Item]) -> list[Item]:
    """The items, and as many of `filler` as bring their number to the next power of four (0 stays 0)."""
    size = 1
    while size < len(items):
        size *= GROWTH
    return [*items, *islice(filler, size - len(items))] if items else []
