"""Cursors of the event streams: positions in the event log, opaque to clients."""

import base64
from typing import Final

POSITION_DIGITS_MAX: Final = 18


def cursor_of(position: int) -> str:
    """The cursor that stands for the place behind this position."""
    return base64.urlsafe_b64encode(str(position).encode()).decode().rstrip("=")


def position_of(cursor: str) -> int:
    """The place that a cursor names; ValueError for anything that is no cursor."""
    text = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
    if not (text.isdecimal() and len(text) <= POSITION_DIGITS_MAX):
        raise ValueError(cursor)
    return int(text)
