"""The order of an answer's errors: that of the fields in the answer, whichever of them was executed first."""

from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError


def in_answer_order(data: Any, errors: Sequence[GraphQLError]) -> list[GraphQLError]:
    """The errors, by where their paths are in the data; those without a place in it stay in their order."""
    if len(errors) < 2:
        return list(errors)
    places: dict[int, dict[str, int]] = {}
    return sorted(errors, key=lambda error: _place(data, error.path or (), places))


def _place(data: Any, path: Sequence[str | int], places: dict[int, dict[str, int]]) -> list[int]:
    """The path with the number of each key among its siblings; `places` remembers these by the object's identity."""
    found: list[int] = []
    for step in path:
        if isinstance(data, dict) and isinstance(step, str):
            numbers = places.get(id(data))
            if numbers is None:
                numbers = places[id(data)] = {key: number for number, key in enumerate(data)}
            found.append(numbers.get(step, len(numbers)))
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int):
            found.append(step)
            data = data[step] if step < len(data) else None
        else:
            break
    return found
