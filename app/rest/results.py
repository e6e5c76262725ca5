"""Results of operations as the earlier service's callers read them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_SKIPPED: Final = frozenset({"nodes", "value"})
"""Steps of a path that an answer does not show."""


def plain(value: Any) -> Any:
    """The value with `{"value": 1}` as 1, and `{"nodes": […]}` as the list."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and not _SKIPPED.isdisjoint(value):
        return plain(next(iter(value.values())))
    return {name: plain(each) for name, each in value.items()}


def page_of(connection: Mapping[str, Any]) -> dict[str, Any]:
    """A page: its objects, and the cursor of the next one or null."""
    page = connection["pageInfo"]
    return {"items": plain(connection["nodes"]), "next": page["endCursor"] if page["hasNextPage"] else None}


def redacted(errors: Sequence[Mapping[str, Any]]) -> list[str]:
    """The dotted names of members that are null because the caller may not see them, or they could not be read; without
    the places in lists."""
    # The first step is the root field.
    paths = [[step for step in each["path"][1:] if isinstance(step, str)] for each in errors if each.get("path")]
    return sorted({".".join(step for step in path if step not in _SKIPPED) for path in paths})
