"""Writing to a client's connection without a wait: what thousands of subscribers are sent goes past all middleware."""

from collections.abc import Callable
from typing import Final

from starlette.types import Scope

WRITE: Final = "write"
"""Under this name the state of a request or socket has the function that its server offers for this, if it does."""
Write = Callable[[bytes], bool]
"""Writes a chunk of the response, or the text of a frame. False, and nothing is written, where the client does not read
fast enough or is gone: then `send` waits, or says so."""


def writer(scope: Scope) -> Write:
    """That of the connection; one that writes nothing where the server has none."""
    found: Write = scope.get("state", {}).get(WRITE, _never)
    return found


def _never(_text: bytes) -> bool:
    return False
