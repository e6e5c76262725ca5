"""Cursors and values of the peers in Python: a cursor is the time and the id of the row before, in base64url."""

import base64
import json
from datetime import datetime
from decimal import Decimal


def place_of(cursor: str) -> tuple[datetime, str]:
    """The time and the id in a cursor."""
    moment, identifier = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return datetime.fromisoformat(moment), identifier


def money(cents: int) -> str:
    """Cents as text with two decimals."""
    return f"{Decimal(cents) / 100:.2f}"


def cents(text: str) -> int:
    """Text with up to two decimals as cents."""
    return int(Decimal(text) * 100)


def quantity(ten_thousandths: int) -> str:
    """Ten-thousandths as decimal text."""
    return f"{Decimal(ten_thousandths) / 10_000:f}"


def ten_thousandths(text: str) -> int:
    """Decimal text as ten-thousandths."""
    return int(Decimal(text) * 10_000)


def moment(value: datetime) -> str:
    """A time in UTC as the API writes it."""
    return value.isoformat(timespec="microseconds") + "Z"


def month(value: str) -> str:
    """ "202611" as "2026-11"."""
    return f"{value[:4]}-{value[4:]}"
