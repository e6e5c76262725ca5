"""Values of statements, as payers write them: the same value has several names and forms, none of which is refused."""

import contextlib
import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final

from app.domain.money import CENTS_MAX, Cents, Quantity
from app.tiss.tree import name_of
from app.tiss.values import QUANTITY

UNREADABLE: Final = Cents(CENTS_MAX + 1)
"""In place of an amount that is none: no statement may have it, so that its line is found."""
_THOUSANDS: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]{1,2})?")
_COMMA: Final = re.compile(r"[0-9]{1,12}(?:,[0-9]{1,2})?")
_POINT: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{0,2})?")
_LONG: Final = re.compile(r"([0-9]{1,12}[.,][0-9]{2})0{2,}")
"""Four decimals or more of which only zeros are too many: `100.0000`. Three could be thousands."""
_DAY_FIRST: Final = "%d/%m/%Y"
FIRST_DAY: Final = date(2000, 1, 1)
"""The health plans of the standard, and their regulator, began in this year."""


class Values:
    """The texts of an element's children by name, the first of each name."""

    def __init__(self, node: Any) -> None:
        self.node = node
        self._texts: dict[str, str] = {}
        for each in node:
            text = (each.text or "").strip()
            if text:
                self._texts.setdefault(name_of(each), text)

    def text(self, *names: str) -> str | None:
        """The text of the first of these names that has one."""
        return next((self._texts[name] for name in names if name in self._texts), None)

    def amount(self, *names: str) -> Cents | None:
        """The amount of the first of these names; None if there is none, UNREADABLE if it is no amount."""
        text = self.text(*names)
        return None if text is None else cents(text)

    def day(self, *names: str) -> date | None:
        """The day of the first of these names; None if it is none."""
        text = self.text(*names)
        return None if text is None else day(text)

    def quantity(self, *names: str) -> Quantity | None:
        """The quantity of the first of these names; None if it is none."""
        try:
            return Quantity(QUANTITY.read((self.text(*names) or "").replace(",", ".")))
        except ValueError:
            return None

    def nodes(self, *names: str) -> list[Any]:
        """The children of these names, in document order."""
        return [each for each in self.node if name_of(each) in names]


def cents(text: str) -> Cents:
    """An amount with a decimal point or comma, and points between thousands before a comma; UNREADABLE otherwise.

    `1.234` could be either, so it is neither.
    """
    text = text.removeprefix("R$").lstrip()
    digits = text.removeprefix("-").removeprefix("+")
    digits = _LONG.sub(r"\1", digits)
    if _COMMA.fullmatch(digits) or (_THOUSANDS.fullmatch(digits) and "," in digits):
        digits = digits.replace(".", "").replace(",", ".")
    if not _POINT.fullmatch(digits):
        return UNREADABLE
    whole, _, fraction = digits.partition(".")
    found = int(whole + fraction.ljust(2, "0"))
    if found > CENTS_MAX:
        return UNREADABLE
    return Cents(-found if text.startswith("-") else found)


def day(text: str) -> date | None:
    """The day of `2026-11-02`, with or without a time, or of `02/11/2026`; None for one before all statements."""
    found = None
    with contextlib.suppress(ValueError):
        found = datetime.strptime(text[:10], _DAY_FIRST).date()  # noqa: DTZ007 - a day has no zone
    with contextlib.suppress(ValueError):
        found = date.fromisoformat(text[:10])
    return None if found is None or found < FIRST_DAY else found


def first_text(node: Any, *names: str) -> str | None:
    """The text of the first descendant of these names that has one."""
    found = ((each.text or "").strip() for each in node.iter() if name_of(each) in names)
    return next((text for text in found if text), None)


def total(amounts: Iterable[Cents | None]) -> int:
    """The sum of the readable amounts."""
    return sum(each for each in amounts if each is not None and each != UNREADABLE)
