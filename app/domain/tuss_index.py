"""The TUSS terms in memory, in the order of their codes, for searching by words: no index of a database finds a word
inside of a text, so each search read every term."""

import asyncio
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

from app.domain.words import is_number, words_of
from app.values.frozen import frozen

TERMS_PER_TURN: Final = 5_000
"""How many terms are compared, in a quarter of a millisecond for each word, before the event loop has a turn."""

Row = tuple[str, str, str, date | None, date | None]
"""Code, code system, text as `text.fold` makes it, first and last day of validity."""


@frozen
class Sought:
    """What a term must have: digits begin its code, other words are part of its text, whatever their case and accents.

    `words` are those of `words_of`.
    """

    words: tuple[str, ...] = ()
    code_system: str | None = None
    valid_on: date | None = None

    @classmethod
    def of(cls, search: str | None, code_system: str | None, valid_on: date | None) -> "Sought":
        """From the arguments of a search."""
        return cls(words_of(search), code_system, valid_on)


class TussIndex:
    """All terms, in the order of code and code system. Takes about 200 bytes for each.

    One list for each column: a search looks at one value of each term.
    """

    def __init__(self) -> None:
        self._codes: list[str] = []
        self._systems: list[str] = []
        self._texts: list[str] = []
        self._starts: list[date] = []
        self._ends: list[date] = []

    def add(self, rows: Iterable[Row]) -> None:
        """Add terms that come after all others."""
        for code, system, text, start, end in rows:
            self._codes.append(code)
            self._systems.append(sys.intern(system))
            self._texts.append(text)
            self._starts.append(start or date.min)
            self._ends.append(end or date.max)

    @property
    def last(self) -> tuple[str, str] | None:
        """The code and code system of the last term; None if there is none."""
        return self.place(-1) if self._codes else None

    def __len__(self) -> int:
        return len(self._codes)

    async def matching(self, sought: Sought) -> list[int]:
        """The positions of the terms that fit, in order."""
        found: list[int] = []
        for start in range(0, len(self), TERMS_PER_TURN):
            found += self._fitting(sought, range(start, min(start + TERMS_PER_TURN, len(self))))
            await asyncio.sleep(0)
        return found

    def _fitting(self, sought: Sought, positions: Sequence[int]) -> Sequence[int]:
        codes, texts, day = self._codes, self._texts, sought.valid_on
        for word in sought.words:
            if is_number(word):
                positions = [each for each in positions if codes[each].startswith(word)]
            else:
                positions = [each for each in positions if word in texts[each]]
        if sought.code_system is not None:
            positions = [each for each in positions if self._systems[each] == sought.code_system]
        if day is not None:
            positions = [each for each in positions if self._starts[each] <= day <= self._ends[each]]
        return positions

    def key(self, position: int) -> tuple[str, str]:
        """The code system and the code."""
        return self._systems[position], self._codes[position]

    def place(self, position: int) -> tuple[str, str]:
        """The code and the code system, by which positions rise."""
        return self._codes[position], self._systems[position]
