"""The language of a request, by RFC 9110: the caller's ranges with their weights against English and Portuguese."""

import math
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final


class Language(StrEnum):
    """The languages that messages have, as `Content-Language` names them."""

    ENGLISH = "en"
    PORTUGUESE = "pt-BR"


RANGES_MAX: Final = 50
"""So many ranges of a header are read; browsers send a handful."""


@dataclass(slots=True)
class Reader:
    """Who reads the answer: the header, and whether any text of the answer has depended on it so far."""

    accepted: str = ""
    has_read: bool = field(default=False, init=False)

    @property
    def language(self) -> Language:
        """The language that the header prefers."""
        return preferred(self.accepted)


reader: Final[ContextVar[Reader | None]] = ContextVar("reader", default=None)
"""The reader of the request or socket that runs now; None outside of one."""


def language() -> Language:
    """The language of the request that runs now; English outside of one."""
    found = reader.get()
    return Language.ENGLISH if found is None else found.language


@lru_cache(maxsize=256)
def preferred(header: str) -> Language:
    """Portuguese if a range such as `pt` or `pt-BR` weighs more than English, or as much and comes first.

    English is the default: of no header, of other languages, of `*`, and of what is no list of ranges.
    """
    weights: dict[str, tuple[float, int]] = {}
    for place, part in enumerate(header.split(",")[:RANGES_MAX]):
        name, _, parameter = part.partition(";")
        primary = name.strip().lower().partition("-")[0]
        weight = _weight(parameter)
        if primary in {"pt", "en", "*"} and weight > weights.get(primary, (-1.0, 0))[0]:
            weights[primary] = (weight, -place)
    anything = (weights.get("*", (0.0, 0))[0], -RANGES_MAX)
    portuguese, english = weights.get("pt", anything), weights.get("en", anything)
    return Language.PORTUGUESE if portuguese > english and portuguese[0] > 0 else Language.ENGLISH


def _weight(parameter: str) -> float:
    """The weight `q=0.5`; 1 without one, 0 if it cannot be read."""
    text = parameter.strip().lower()
    if not text:
        return 1.0
    try:
        weight = float(text.removeprefix("q=").strip()) if text.startswith("q=") else 0.0
    except ValueError:
        return 0.0
    return weight if math.isfinite(weight) and 0 <= weight <= 1 else 0.0
