"""The same error of one field in many objects is one error with a count, and their paths are one pattern.

A page of 100 claims whose patients a caller may not see would otherwise bring 100 errors of 300 bytes for every such
field. `path` of the one error is the first of them; `extensions.count` says how many there are, if there are several.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

Path = Sequence[str | int]


@dataclass(slots=True)
class RepeatedError:
    """The errors of one field that differ in the object alone; `shown` is the first of them, for clients."""

    shown: dict[str, Any]
    paths: list[Path] = field(default_factory=list)

    @property
    def code(self) -> str:
        """What they all have in common."""
        code: str = self.shown["extensions"]["code"]
        return code

    def formatted(self) -> dict[str, Any]:
        """The one error for all of them."""
        if len(self.paths) < 2:
            return self.shown
        return {**self.shown, "extensions": {**self.shown["extensions"], "count": len(self.paths)}}


def shape_of(path: Path) -> tuple[str | None, ...]:
    """The path with None for every index of a list."""
    return tuple(step if isinstance(step, str) else None for step in path)


def compact(paths: Iterable[Path]) -> list[str]:
    """Patterns that cover exactly these paths, with the indices of lists as ranges.

    100 paths of a page, but for one claim: `claims.nodes[0-41,43-99].patient.cpf`.
    """
    shapes: dict[tuple[str | None, ...], set[tuple[int, ...]]] = {}
    for path in paths:
        indices = tuple(step for step in path if isinstance(step, int))
        shapes.setdefault(shape_of(path), set()).add(indices)
    return [_text(shape, block) for shape, indices in shapes.items() for block in _blocks(indices)]


def _blocks(indices: set[tuple[int, ...]]) -> list[tuple[str, ...]]:
    """The index tuples as products of ranges: {(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)} is 0-1 x 0-1 and 2 x 0."""
    if () in indices:
        return [()]
    rests: dict[int, set[tuple[int, ...]]] = {}
    for first, *rest in sorted(indices):
        rests.setdefault(first, set()).add(tuple(rest))
    alike: dict[tuple[tuple[str, ...], ...], list[int]] = {}
    for first, rest_of_first in rests.items():
        alike.setdefault(tuple(_blocks(rest_of_first)), []).append(first)
    return [(_ranges(firsts), *block) for blocks, firsts in alike.items() for block in blocks]


def _ranges(numbers: list[int]) -> str:
    """Sorted numbers as ranges: 0, 1, 2, 5 is `0-2,5`."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)


def _text(shape: tuple[str | None, ...], block: tuple[str, ...]) -> str:
    left = iter(block)
    return "".join(f"[{next(left)}]" if step is None else f".{step}" for step in shape).removeprefix(".")
