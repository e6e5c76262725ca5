"""Generated functions that write the objects of one selection: all values of one object in one expression.

A dict and orjson's one pass over it are faster than to write the text of each object in Python: 386 against 486
microseconds for 200 objects of 8 fields (docs/decisions/0039).
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import CodeType
from typing import Any, Final

SOURCES_MAX: Final = 1_000
Write = Callable[..., list[dict[str, Any]]]
"""Objects, info, and a column of values for each child -> the objects as JSON has them."""


class Writer:
    """Collects the expressions of a selection; `o` is the object, `info` what resolvers get, `x0` a child's value."""

    def __init__(self) -> None:
        self._members: list[str] = []
        self._names: dict[str, Any] = {}
        self._columns = 0

    def bind(self, value: Any) -> str:
        """A name for the value in the generated code."""
        name = f"n{len(self._names)}"
        self._names[name] = value
        return name

    def column(self) -> str:
        """The value of the next child."""
        self._columns += 1
        return f"x{self._columns - 1}"

    def add(self, key: str, expression: str) -> None:
        """Write the expression's value under the key."""
        self._members.append(f"{key!r}: {expression}")

    def function(self, expression: str, argument: str) -> Callable[[Any], Any]:
        """The expression as a function of one argument, with the names that are bound."""
        found: Callable[[Any], Any] = _made(f"def made({argument}):\n    return {expression}\n", "made", self._names)
        return found

    def finish(self) -> Write:
        """The function."""
        columns = [f"c{number}" for number in range(self._columns)]
        values = [f"x{number}" for number in range(self._columns)]
        loop = f"for o, {', '.join(values)} in zip(objects, {', '.join(columns)})" if columns else "for o in objects"
        source = (
            f"def write({', '.join(['objects', 'info', *columns])}):\n"
            "    found = []\n"
            "    add = found.append\n"
            f"    {loop}:\n"
            f"        add({{{', '.join(self._members)}}})\n"
            "    return found\n"
        )
        write: Write = _made(source, "write", self._names)
        return write


def _made(source: str, name: str, names: Mapping[str, Any]) -> Any:
    namespace = dict(names)
    # The source has names of the schema, response keys as literals, and nothing else of the client's.
    exec(_compiled(source), namespace)  # noqa: S102
    return namespace[name]


@lru_cache(maxsize=SOURCES_MAX)
def _compiled(source: str) -> CodeType:
    """Plans of one document for different callers mostly have the same source."""
    return compile(source, "<plan>", "exec")
