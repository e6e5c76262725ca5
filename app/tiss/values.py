"""How the values of a claim are written in a TISS document, and read from it."""

import re
from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from typing import Any, Final

from app.domain.money import format_factor, format_money, format_quantity
from app.values.frozen import frozen

_DECIMAL: Final = re.compile(r"[+]?[0-9]{1,12}(?:[.][0-9]{0,6})?")
_MIDNIGHT: Final = re.compile(r"^24:00:00")


@frozen
class Codec:
    """Reads a text of the document, with ValueError for one that is no such value; writes a value."""

    read: Callable[[str], Any]
    write: Callable[[Any], str]


def _scaled(digits: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        """The decimal in units of its last digit; ValueError if it has more digits than that."""
        if not _DECIMAL.fullmatch(text):
            raise ValueError(text)
        exact = Decimal(text).scaleb(digits)
        if exact != exact.to_integral_value():
            raise ValueError(text)
        return int(exact)

    return read


def _integer(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", text):
        raise ValueError(text)
    return int(text)


def _time(text: str) -> time:
    """The time of the clock on the wall: zone and fractions of a second stay in the document only. The schema knows
    24:00:00 too, the midnight at the end of a day."""
    return time.fromisoformat(_MIDNIGHT.sub("00:00:00", text)).replace(tzinfo=None, microsecond=0)


def _boolean(text: str) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[text]


TEXT: Final = Codec(str, str)
DATE: Final = Codec(lambda text: date.fromisoformat(text[:10]), date.isoformat)
TIME: Final = Codec(_time, lambda value: value.isoformat(timespec="seconds"))
NUMBER: Final = Codec(_integer, str)
CENTS: Final = Codec(_scaled(2), format_money)
QUANTITY: Final = Codec(_scaled(4), format_quantity)
FACTOR: Final = Codec(_scaled(2), format_factor)
YES_NO: Final = Codec(lambda text: text == "S", lambda value: "S" if value else "N")
BOOLEAN: Final = Codec(_boolean, lambda value: "true" if value else "false")
