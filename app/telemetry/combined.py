"""The metrics of several processes as one page: counts add up, and each gauge says by its name how it does.

The page is text, as each process exports it; a process that ended leaves its counts, since a count never falls. What it
counted after it was asked last goes with it.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

import orjson

from app.telemetry.shared import SharedBytes

Samples = dict[str, float]
"""Value by name and labels, as the page writes them: all processes run the same code, which writes them in one way."""


def furthest(values: Sequence[float]) -> float:
    """The value that is furthest from 0."""
    return max(values, key=abs)


def _largest(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return max(known) if known else math.nan


GAUGES: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    "billing_subscribers": sum,
    "billing_dependency_up": min,
    "billing_clock_skew_seconds": furthest,
    "billing_unexplained_cents": furthest,
    "billing_books_proof_age_seconds": min,
}
"""What of the values of all processes is shown; of other gauges, which all processes read from one place, the
largest."""


class Page:
    """The families of one process: what it is by name, the lines that describe it, and its samples."""

    def __init__(self, text: str) -> None:
        self.kinds: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        self.families: dict[str, Samples] = {}
        samples: Samples = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, self.kinds[name] = line.split(" ")
                samples = self.families[name] = {}
                self.headers[name] += f"{line}\n"
            elif line.startswith("# HELP "):
                self.headers[line.split(" ", 3)[2]] = f"{line}\n"
            elif line:
                key, _, value = line.rpartition(" ")
                samples[key] = float(value)

    def counts(self) -> Iterable[tuple[str, Samples]]:
        """The families whose values only grow."""
        return ((name, samples) for name, samples in self.families.items() if self.kinds[name] != "gauge")


class Combined:
    """Combines the pages of processes, each known by its place and a number that a new process changes.

    `kept` has the last pages and the counts of ended processes for whoever combines them after this process: without
    them its counts would fall, which is read as a restart of all, and everything counted as new.
    """

    def __init__(self, kept: SharedBytes) -> None:
        self._kept = kept
        found = orjson.loads(kept.read() or b"{}")
        self._texts: dict[int, tuple[int, str]] = {int(place): each for place, each in found.get("last", {}).items()}
        self._last = {place: (number, Page(text)) for place, (number, text) in self._texts.items()}
        self._ended: dict[str, Samples] = found.get("ended", {})

    def text(self, pages: Mapping[int, tuple[int, str]]) -> bytes:
        """One page; `pages` are place -> (number of the process, its page)."""
        for place, (number, text) in pages.items():
            page, before = Page(text), self._last.get(place)
            if before is not None and before[0] != number:
                self._add_to_ended(before[1])
            self._last[place] = (number, page)
            self._texts[place] = (number, text)
        self._kept.write(orjson.dumps({"last": self._texts, "ended": self._ended}, option=orjson.OPT_NON_STR_KEYS))
        known = [page for _, page in self._last.values()]
        names = dict.fromkeys(name for page in known for name in page.families)
        return "".join(self._family(name, known, pages.keys()) for name in names).encode()

    def _family(self, name: str, known: Sequence[Page], answering: Collection[int]) -> str:
        describing = next(page for page in known if name in page.kinds)
        if describing.kinds[name] == "gauge":
            shown = [self._last[place][1].families.get(name, {}) for place in answering]
            return describing.headers[name] + _lines(shown, _gauge(name))
        # What processes that do not answer have counted is counted still.
        counted = [page.families.get(name, {}) for page in known]
        return describing.headers[name] + _lines([*counted, self._ended.get(name, {})], sum)

    def _add_to_ended(self, page: Page) -> None:
        for name, samples in page.counts():
            kept = self._ended.setdefault(name, {})
            for key, value in samples.items():
                if math.isfinite(value):
                    kept[key] = kept.get(key, 0.0) + value


def _gauge(name: str) -> Callable[[Sequence[float]], float]:
    # The time at which a counter began is a gauge in this format.
    return min if name.endswith("_created") else GAUGES.get(name, _largest)


def _lines(all_samples: Iterable[Samples], combine: Callable[[Sequence[float]], float]) -> str:
    values: dict[str, list[float]] = {}
    for samples in all_samples:
        for key, value in samples.items():
            values.setdefault(key, []).append(value)
    return "".join(f"{key} {_number(combine(found))}\n" for key, found in values.items())


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else repr(float(value))
