"""Cursors of the event streams: positions in the event log, opaque to clients."""

import base64
from typing import Final

POSITION_DIGITS_MAX: Final = 18
"""So that every accepted position fits into a signed 64-bit column."""


def cursor_of(position: int) -> str:
    """The cursor from which a stream continues after this position: its decimal digits in unpadded base64url."""
    return base64.urlsafe_b64encode(str(position).encode()).decode().rstrip("=")


def position_of(cursor: str) -> int:
    """The position that a cursor stands for; ValueError if it is not a cursor."""
    text = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
    if not (text.isdecimal() and len(text) <= POSITION_DIGITS_MAX):
        raise ValueError(cursor)
    return int(text)
