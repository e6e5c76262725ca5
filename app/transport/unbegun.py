"""The coroutines of an execution that never began, which Python would warn of on the standard error.

graphql-core cancels what is under way beside a failure, and an operation is cancelled at its deadline or when its
client leaves. A task that was cancelled before its first step drops its coroutine, with those that it was to await.
"""

from types import CoroutineType
from typing import Any, Final

from strawberry.execution import optimized_is_awaitable

_is_awaitable: Any = optimized_is_awaitable
_PLAIN: Final = frozenset({str, int, bool, float, list, dict, tuple, type(None)})
LOOKED_THROUGH_AFTER: Final = 1_000


class Unbegun:
    """Remembers coroutines until they have begun, at most twice as many as have not."""

    def __init__(self) -> None:
        self._made: list[CoroutineType[Any, Any, Any]] = []
        self._look_at = LOOKED_THROUGH_AFTER

    def is_awaitable(self, value: Any) -> bool:
        """Whether the value is to be awaited; graphql-core asks it of all that it awaits, when it is made."""
        kind = type(value)
        if kind in _PLAIN:
            return False
        if kind is CoroutineType:
            self.add(value)
            return True
        return bool(_is_awaitable(value))

    def add(self, value: Any) -> None:
        """Remember what was made, if it is a coroutine."""
        if type(value) is CoroutineType:
            self._made.append(value)
            if len(self._made) >= self._look_at:
                self._made = [each for each in self._made if _has_not_begun(each)]
                self._look_at = max(LOOKED_THROUGH_AFTER, 2 * len(self._made))

    def close(self) -> None:
        """Close those that have not begun; nobody will await them any more."""
        made, self._made = self._made, []
        for each in made:
            if _has_not_begun(each):
                each.close()


def _has_not_begun(coroutine: "CoroutineType[Any, Any, Any]") -> bool:
    return coroutine.cr_frame is not None and not coroutine.cr_running and not coroutine.cr_suspended


NOTHING: Final = Unbegun()
"""Of what makes no coroutines."""
