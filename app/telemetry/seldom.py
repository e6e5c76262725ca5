"""Log lines that anybody can cause, each kind at most once in a while."""

import time
from collections import Counter
from typing import Final

KINDS_MAX: Final = 10_000
"""A kind may name an address, so there is no end of them: with more, all counts begin again."""


class Seldom:
    """Counts what happens, by kind, between two log lines of this kind that are at least `seconds` apart."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._logged_at: dict[str, float] = {}
        self._since: Counter[str] = Counter()

    def count(self, kind: str) -> int:
        """Note one more; how many there were since the last line if it is time for the next, else 0."""
        if len(self._logged_at) >= KINDS_MAX and kind not in self._logged_at:
            self._logged_at.clear()
            self._since.clear()
        self._since[kind] += 1
        now = time.monotonic()
        if now - self._logged_at.get(kind, -self._seconds) < self._seconds:
            return 0
        self._logged_at[kind] = now
        return self._since.pop(kind)
