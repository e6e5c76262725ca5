"""The end of reading: decoded JSON becomes the parameters of a GraphQL request, of the right types and sizes."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final, Self

from app.transport import errors
from app.transport.errors import Refused
from app.values.frozen import frozen

VARIABLES_DEPTH_MAX: Final = 32
VARIABLES_COUNT_MAX: Final = 20_000


@frozen
class Parameters:
    """The members of one request; `query` is empty where the document is named by its hash alone."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: Mapping[str, Any] = field(default_factory=dict)
    document_id: object = None
    values: int = 0
    """How many values the variables hold, those inside of lists and objects included."""

    @classmethod
    def of(cls, value: object) -> Self:
        """From decoded JSON; Refused (BAD_REQUEST) for anything that is not a GraphQL request."""
        if not isinstance(value, dict):
            raise _bad("send a JSON object")
        name = value.get("operationName")
        if name is not None and not isinstance(name, str):
            raise _bad("operationName must be a string")
        variables, extensions = value.get("variables"), value.get("extensions")
        for member, given in (("variables", variables), ("extensions", extensions)):
            if given is not None and not isinstance(given, dict):
                raise _bad(f"{member} must be an object")
        query = _query(value)
        values = _check_size(variables) if variables else 0
        return cls(query, variables, name or None, extensions or {}, value.get("documentId"), values)


def _query(value: dict[str, Any]) -> str:
    """The document's text; "" where a hash names it instead. The hash itself is checked where documents are found."""
    query, extensions = value.get("query"), value.get("extensions")
    has_hash = value.get("documentId") is not None or (extensions is not None and "persistedQuery" in extensions)
    if has_hash and query in (None, ""):
        return ""
    if not isinstance(query, str) or not query:
        raise _bad("query must be a non-empty string")
    if "\0" in query:
        raise _bad("query must not contain NUL")
    return query


def _check_size(variables: object) -> int:
    """How many values there are. Refuse values that are nested deeper, or are more, than any input needs: each is
    visited several times before the first resolver could refuse it.

    Level by level instead of by recursion, so that deep nesting cannot overflow the stack:
    {"a": [1, {"b": 2}]} has the levels [a's list], [1, {"b": 2}] and [2].
    """
    level: list[Any] = [variables]
    count = 0
    for _ in range(VARIABLES_DEPTH_MAX):
        below = [part for each in level if isinstance(each, dict) for part in each.values()]
        below += [part for each in level if isinstance(each, list) for part in each]
        count += len(below)
        if count > VARIABLES_COUNT_MAX:
            raise _bad(f"send at most {VARIABLES_COUNT_MAX:,} values in variables")
        level = [each for each in below if isinstance(each, dict | list)]
        if not level:
            return count
    raise _bad(f"nest variables at most {VARIABLES_DEPTH_MAX} levels deep")


def _bad(message: str) -> Refused:
    return Refused(errors.BAD_REQUEST, message)
