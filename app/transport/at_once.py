"""Writing to a client's connection without a wait: what thousands of subscribers are sent goes past all middleware, and
so does the answer to a usual request."""

from collections.abc import Callable, Sequence
from typing import Final

from starlette.types import Scope

WRITE: Final = "write"
"""Under this name the state of a request or socket has the function that its server offers for this, if it does."""
Write = Callable[[bytes], bool]
"""Writes a chunk of the response, or the text of a frame. False, and nothing is written, where the client does not read
fast enough or is gone: then `send` waits, or says so."""
ANSWER: Final = "answer"
"""Under this name the state of a request has the function that writes a whole response."""
Answer = Callable[[int, Sequence[tuple[bytes, bytes]], bytes], bool]
"""Writes a response with this status, these headers and this body; False, and nothing is written, as `Write`."""


def writer(scope: Scope) -> Write:
    """That of the connection; one that writes nothing where the server has none."""
    found: Write = scope.get("state", {}).get(WRITE, _never)
    return found


def answering(scope: Scope) -> Answer:
    """What writes the whole response of a request; it writes nothing where the server has no such function."""
    found: Answer = scope.get("state", {}).get(ANSWER, _never)
    return found


def _never(*_: object) -> bool:
    return False
