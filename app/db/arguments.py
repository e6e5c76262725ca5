"""What a statement depends on: the shape of its arguments, apart from their values.

Two calls whose arguments have one shape need one SQL text and differ only in its parameters. `flatten` takes an
argument apart into its shape and its values; `with_places` makes an argument of the same shape whose values are places,
from which the compiled text shows where each value goes. Lists are filled up to a few sizes, so that a text serves many
lengths; what a statement may depend on otherwise (flags, members of enums, columns) is part of the shape.
"""

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cache, lru_cache
from itertools import count
from typing import Any, Final, cast

from sqlalchemy import ColumnElement

from app.domain.data_scope import DataScope

SIZES: Final = (1, 4, 8, 16, 64, 200, 500)
"""The sizes that lists are filled up to; longer ones to the next multiple of the last."""
DAYS_MAX: Final = 31
"""Up to so many days, each of which may be a part of the statement, are not filled up."""
SCOPES_MAX: Final = 2_000
FIXED_MAX: Final = 4
"""A tuple of at most so many values, such as a range, is not filled up."""
MARK: Final = "\x00place "
FIRST_NUMBER: Final = 7_000_000_000_000_000
FIRST_DAY: Final = datetime(1, 1, 1)  # noqa: DTZ001 - no moment, only a value that nobody else uses
Flatten = Callable[[Any, list[Any]], Hashable]


class TextPlace(str):
    """Where a text goes; told apart by identity."""

    __slots__ = ()


class Places:
    """Makes values that nobody else has, one of each type for each place."""

    def __init__(self) -> None:
        self.made: list[Any] = []
        self._numbers: Iterator[int] = count()

    def like(self, value: Any) -> Any:
        """A new place for a value of this type."""
        place = _place(type(value), next(self._numbers))
        self.made.append(place)
        return place


def _place(kind: type[Any], number: int) -> Any:
    if issubclass(kind, str):
        return TextPlace(f"{MARK}{number:06d}")
    if issubclass(kind, int):
        return FIRST_NUMBER + number
    if issubclass(kind, datetime):
        return FIRST_DAY + timedelta(microseconds=number)
    if issubclass(kind, date):
        return (FIRST_DAY + timedelta(days=number)).date()
    return kind(number)


def is_leftover(value: Any) -> bool:
    """Whether the value was made of a place: the statement does not use its argument as it is."""
    if isinstance(value, str):
        return MARK in value
    if isinstance(value, int):
        return value >= FIRST_NUMBER
    return isinstance(value, date) and value.year < 100


def flatten(value: Any, values: list[Any]) -> Hashable:
    """The shape of the argument; its values are added to the list, those of lists as often as the shape has places."""
    return _flatten_of(value.__class__)(value, values)


def with_places(value: Any, places: Places) -> Any:
    """An argument of the same shape, with places for values, in the order in which `flatten` adds them."""
    kind: Any = type(value)
    flattened_by = _flatten_of(kind)
    if flattened_by is _constant or (flattened_by is _text and not value):
        return value
    if flattened_by is _tuple and len(value) <= FIXED_MAX:
        found = [with_places(each, places) for each in value]
        return kind(*found) if hasattr(kind, "_fields") else kind(found)
    if flattened_by in (_list, _set, _tuple):
        items = _items(value)
        return kind([_place_of_item(items[min(number, len(items) - 1)], places) for number in range(_size(items))])
    if hasattr(kind, "__dataclass_fields__"):
        return kind(**{name: with_places(getattr(value, name), places) for name in _names(kind)})
    return places.like(value)


def _place_of_item(item: Any, places: Places) -> Any:
    return places.like(item) if type(item) is str else with_places(item, places)


@cache
def _flatten_of(kind: Any) -> Flatten:
    """How values of this type are taken apart."""
    for types, flatten_by in _WAYS:
        if issubclass(kind, types):
            return flatten_by
    if is_dataclass(kind):
        return _record_of(_names(cast("Any", kind)))
    raise TypeError(f"an argument of a statement cannot be a {kind.__name__}")


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _constant(value: Any, _values: list[Any]) -> Hashable:
    # Columns compare as SQL, so it is their identity that counts; whoever stores the shape stores them too.
    return ("column", id(value)) if isinstance(value, ColumnElement) else value


def _value(value: Any, values: list[Any]) -> Hashable:
    values.append(value)
    return str(value.__class__.__name__)


def _text(value: str, values: list[Any]) -> Hashable:
    # Whether a text is empty may decide what a statement asks for.
    if not value:
        return ""
    values.append(value)
    return str


def _record_of(names: tuple[str, ...]) -> Flatten:
    def flatten_record(value: Any, values: list[Any]) -> Hashable:
        return tuple([flatten(getattr(value, name), values) for name in names])

    return flatten_record


def _scope(value: DataScope, values: list[Any]) -> Hashable:
    shape, found = _flattened(value)
    values += found
    return shape


@lru_cache(maxsize=SCOPES_MAX)
def _flattened(scope: DataScope) -> tuple[Hashable, tuple[Any, ...]]:
    """Each statement of a request has the same data scope, and a caller's next request has it again."""
    values: list[Any] = []
    return _record_of(_names(DataScope))(scope, values), tuple(values)


def _tuple(value: tuple[Any, ...], values: list[Any]) -> Hashable:
    if len(value) > FIXED_MAX:
        return _list(value, values)
    return tuple([flatten(each, values) for each in value])


def _set(value: frozenset[Any] | set[Any], values: list[Any]) -> Hashable:
    return _list(sorted(value), values)


def _list(value: Any, values: list[Any]) -> Hashable:
    if not value:
        return 0
    size, last = _size(value), value[-1]
    if type(last) is str:
        values += value
        values += [last] * (size - len(value))
        return size
    shapes = [flatten(each, values) for each in value]
    shapes += [flatten(last, values) for _ in range(size - len(value))]
    return size, tuple(shapes)


def _items(value: Any) -> list[Any]:
    return sorted(value) if isinstance(value, set | frozenset) else list(value)


def _size(items: Sequence[Any]) -> int:
    length = len(items)
    if length <= DAYS_MAX and length and type(items[-1]) is date:
        return length
    if length > SIZES[-1]:
        return -(-length // SIZES[-1]) * SIZES[-1]
    return SIZES[bisect_left(SIZES, length)] if length else 0


_WAYS: Final[tuple[tuple[Any, Flatten], ...]] = (
    (DataScope, _scope),
    ((Enum, bool, ColumnElement, type(None)), _constant),
    (tuple, _tuple),
    (list, _list),
    ((set, frozenset), _set),
    (str, _text),
    ((int, float, date, bytes), _value),
)
"""The first that fits counts: members of enums are texts, and flags are numbers."""
