"""Which compiled documents a process remembers, and whose are dropped first."""

from collections import OrderedDict
from typing import Final, Generic, TypeVar

Value = TypeVar("Value")
TRUSTED: Final = "trusted"
ANONYMOUS: Final = "anonymous"
ANONYMOUS_PART: Final = 10
"""Anonymous callers together have a tenth of the memory."""


class DocumentMemory(Generic[Value]):
    """Values by key, of at most `weight_max` together without the trusted ones, which are never dropped.

    Each value belongs to the caller who brought it. Whoever takes most loses first, the value that was not used for
    longest: a stream of new documents only drops others of its own caller.
    """

    def __init__(self, weight_max: int) -> None:
        self._weight_max = weight_max
        self._owners: dict[bytes, str] = {}
        self._values: dict[str, OrderedDict[bytes, tuple[Value, int]]] = {}
        self._weights: dict[str, int] = {}

    def get(self, key: bytes, owner: str) -> Value | None:
        """The value, whoever brought it; one of anonymous callers becomes this owner's."""
        found = self._owners.get(key)
        if found is None:
            return None
        if found == ANONYMOUS != owner:
            value, weight = self._values[ANONYMOUS][key]
            self._drop(ANONYMOUS, key)
            self.put(key, value, weight, owner)
            return value
        self._values[found].move_to_end(key)
        return self._values[found][key][0]

    def put(self, key: bytes, value: Value, weight: int, owner: str) -> None:
        """Remember the value, and drop others if they are too many."""
        if key in self._owners:
            return
        self._owners[key] = owner
        self._values.setdefault(owner, OrderedDict())[key] = (value, weight)
        self._weights[owner] = self._weights.get(owner, 0) + weight
        while self._weights.get(ANONYMOUS, 0) > self._weight_max // ANONYMOUS_PART:
            self._drop_oldest(ANONYMOUS)
        while sum(self._droppable().values()) > self._weight_max:
            droppable = self._droppable()
            self._drop_oldest(max(droppable, key=droppable.__getitem__))

    def _droppable(self) -> dict[str, int]:
        return {owner: weight for owner, weight in self._weights.items() if owner != TRUSTED}

    def _drop_oldest(self, owner: str) -> None:
        self._drop(owner, next(iter(self._values[owner])))

    def _drop(self, owner: str, key: bytes) -> None:
        del self._owners[key]
        _value, weight = self._values[owner].pop(key)
        self._weights[owner] -= weight
        if not self._values[owner]:
            del self._values[owner], self._weights[owner]
