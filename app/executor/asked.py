"""Which attributes of records an operation may use: the names in the code of everything that its plan calls.

These are too many rather than too few, since every name counts, whatever it is an attribute of. A function may pass a
record on to another one whose names are not seen: then an attribute is missing, the operation is executed again by
graphql-core with whole records, and its plan asks for whole records from then on.
"""

from collections.abc import Iterable, Iterator
from dis import get_instructions
from functools import cache
from itertools import pairwise
from operator import attrgetter
from types import CodeType
from typing import Any, Final

_READS: Final = ("LOAD_ATTR", "LOAD_METHOD")
Asked = frozenset[str] | None
"""Names of attributes; None for all of them."""


@cache
def names_in(function: Any) -> Asked:
    """The names that the function may ask of its arguments; None for one whose code cannot be seen."""
    if isinstance(function, attrgetter):
        return frozenset(function.__reduce__()[1])
    code = getattr(function, "__code__", None)
    return frozenset(_names(code)) if isinstance(code, CodeType) else None


@cache
def passes_on(function: Any, parameter: str) -> bool:
    """Whether the function does more with this parameter than to read attributes of it."""
    steps = list(get_instructions(function))
    return any(
        step.opname.startswith("LOAD") and _is_of(step.argval, parameter) and not after.opname.startswith(_READS)
        for step, after in pairwise(steps)
    )


def _is_of(value: Any, name: str) -> bool:
    """Newer versions of Python load two variables in one step."""
    return value == name or (isinstance(value, tuple) and name in value)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _names(each)


def with_inner(record: type[Any], asked: frozenset[str]) -> frozenset[str]:
    """The names, with those that the record's own properties and methods of these names use."""
    found: set[str] = set()
    left = set(asked)
    while left:
        name = left.pop()
        found.add(name)
        own = getattr(record, name, None)
        left |= (names_in(own.fget if isinstance(own, property) else own) or frozenset()) - found
    return frozenset(found)


def union(parts: Iterable[Asked]) -> Asked:
    """All names; None if any part asks for everything."""
    found: set[str] = set()
    for each in parts:
        if each is None:
            return None
        found |= each
    return frozenset(found)
