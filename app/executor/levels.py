"""The objects that one field gives for a whole level, where each of them belongs, and how they are written."""

from collections.abc import Iterator, Sequence
from typing import Any

from app.executor.reads import has_null
from app.executor.rules import NotPlanned
from app.executor.selection import Child, Objects, Selection

Path = list[str | int]


class Level:
    """Objects of one type that are executed together; `written` has them as JSON has them, once they are.

    The first level is at the path `start`. `places` are their numbers among the objects of the child `of`; None if they
    are all of these, in order.
    """

    __slots__ = ("columns", "objects", "of", "places", "selection", "start", "written")

    def __init__(
        self, selection: Selection, objects: Sequence[Any], of: "Placed | None", places: Sequence[int] | None = None
    ) -> None:
        self.selection = selection
        self.objects = objects
        self.of = of
        self.places = places
        self.start: Path = []
        self.columns: list[Any] = [None] * len(selection.children)
        self.written: list[dict[str, Any]] = []

    def paths(self) -> list[Path]:
        """The path of each object in the answer; only errors need them."""
        if self.of is None:
            return [self.start]
        found = self.of.paths()
        return found if self.places is None else [found[place] for place in self.places]


class Placed:
    """The objects of a child, in the order of the objects that have them; a value is an object, or a list of them.

    A null or a failed object of a list is a hole.
    """

    __slots__ = ("child", "count", "has_holes", "holes", "level", "parts", "values")

    def __init__(self, level: Level, child: Child, values: list[Any]) -> None:
        self.level = level
        self.child = child
        self.values = values
        self.parts: list[Level] = []
        self.count = 0
        self.holes: set[int] = set()
        self.has_holes = False

    def flat(self) -> list[Any]:
        """All objects; nulls in lists too, whose places are holes."""
        assert self.child.objects is not None  # noqa: S101 - only such children are placed
        if not self.child.objects.is_list:
            return [each for each in self.values if each is not None]
        if len(self.values) == 1:
            return list(self.values[0] or ())
        return [each for value in self.values if value is not None for each in value]

    def paths(self) -> list[Path]:
        """The path of each object."""
        key = self.child.key
        assert self.child.objects is not None  # noqa: S101 - likewise
        parents = zip(self.level.paths(), self.values, strict=True)
        if not self.child.objects.is_list:
            return [[*path, key] for path, value in parents if value is not None]
        found = [[*path, key, index] for path, value in parents for index in range(len(value or ()))]
        return [path for place, path in enumerate(found) if place not in self.holes]

    def column(self) -> list[Any]:
        """The written objects of each value."""
        assert self.child.objects is not None  # noqa: S101 - likewise
        flat = self._written()
        if not self.child.objects.is_list:
            return flat if len(flat) == len(self.values) else _spread(self.values, iter(flat))
        if self.holes:
            flat = _with_holes(flat, self.holes)
        if len(self.values) == 1:
            return [None if self.values[0] is None else flat]
        return _sliced(self.values, flat)

    def _written(self) -> list[Any]:
        if len(self.parts) == 1:
            return self.parts[0].written
        found: list[Any] = [None] * sum(len(part.objects) for part in self.parts)
        for part in self.parts:
            for place, each in zip(part.places or (), part.written, strict=True):
                found[place] = each
        return found


def _spread(values: Sequence[Any], written: Iterator[Any]) -> list[Any]:
    return [None if value is None else next(written) for value in values]


def _with_holes(written: Sequence[Any], holes: set[int]) -> list[Any]:
    given = iter(written)
    return [None if place in holes else next(given) for place in range(len(written) + len(holes))]


def _sliced(values: Sequence[Any], written: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    start = 0
    for value in values:
        if value is None:
            found.append(None)
            continue
        end = start + len(value)
        found.append(written[start:end])
        start = end
    return found


def check_nulls(child: Child, values: Sequence[Any]) -> None:
    """NotPlanned for a null where there must be none: graphql-core says where it goes."""
    if not child.is_nullable and has_null(values):
        raise NotPlanned("a null of a field that must not be null")


def parts_of(placed: Placed, objects: Objects, found: list[Any], info: Any) -> list[Level]:
    """The objects as levels, one for each of their types. NotPlanned for an object of another type."""
    if objects.resolve_type is None:
        (selection,) = objects.selections.values()
        return [_checked(Level(selection, found, placed), info)]
    groups: dict[str, list[int]] = {}
    for place, each in enumerate(found):
        name = objects.resolve_type(each, info)
        groups.setdefault(name if isinstance(name, str) else "", []).append(place)
    return [
        _checked(Level(_member(objects, name), [found[place] for place in places], placed, places), info)
        for name, places in groups.items()
    ]


def _member(objects: Objects, name: str) -> Selection:
    found = objects.selections.get(name)
    if found is None:
        raise NotPlanned("an object of no known type")
    return found


def _checked(level: Level, info: Any) -> Level:
    is_type_of = level.selection.type.is_type_of
    if is_type_of is not None and not all(is_type_of(each, info) for each in level.objects):
        raise NotPlanned("an object of another type")
    return level
