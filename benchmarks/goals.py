"""The goals of the gateway as ratios, and which of them a run has reached."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Final

from benchmarks import workers
from benchmarks.contenders import GATEWAY
from benchmarks.markdown import table
from benchmarks.measure import Figures
from benchmarks.subscribers import Heard
from benchmarks.values import cpu_ms

CPU_MAX: Final = {
    ("Mercurius with duties", "Q1"): 0.9,
    ("Mercurius with duties", "Q2"): 0.6,
    ("Mercurius with duties", "Q3"): 1.2,
    ("Mercurius with duties", "Q4"): 1.2,
    ("Mercurius", "Q1"): 1.3,
    ("Mercurius", "Q2"): 1.1,
    ("Mercurius", "Q4"): 2.0,
    ("stock Strawberry", "Q1"): 1 / 35,
    ("stock Strawberry", "Q2"): 1 / 50,
    ("stock Strawberry", "Q3"): 1 / 3,
    ("stock Strawberry", "Q4"): 1 / 15,
}
"""The CPU of the gateway with every duty, at most so many times that of the peer."""
IDLE_MAX: Final = 0.002
"""Of a core, without requests."""
MICROSECONDS_MAX: Final = 40
"""Of CPU, for each of 1,000 subscribers and an event."""
MILLISECONDS_MAX: Final = 100
"""Until the last of them has the event."""


def ratio(by: Figures, name: str, operation: str) -> float | None:
    """How many times the CPU of a peer the gateway needs; None without figures of both."""
    if not by.has(name, operation) or not by.has(GATEWAY, operation):
        return None
    return by.typical(GATEWAY, operation, cpu_ms) / max(by.typical(name, operation, cpu_ms), 1e-9)


def section(by: Figures, of_workers: Figures, heard: Mapping[str, Sequence[Heard]], idle: float | None = None) -> str:
    """The part of the results page; `idle` is what the gateway takes of a core without requests."""
    rows = [_row(name, operation, limit, ratio(by, name, operation)) for (name, operation), limit in CPU_MAX.items()]
    rows = [row for row in rows if row]
    if of_workers.samples:
        worst, operation = min((workers.gain(of_workers, each), each) for each in workers.ASKED)
        is_reached = "yes" if worst >= workers.GOAL else "no"
        rows.append(
            ["two workers, each with a core", f"{worst:.2f} ({operation})", f"at least {workers.GOAL}", is_reached]
        )
    rows += _of_subscribers(heard)
    if idle is not None:
        is_reached = "yes" if idle <= IDLE_MAX else "no"
        rows.append(["CPU without requests, of a core", f"{idle:.3%}", f"at most {IDLE_MAX:.3%}", is_reached])
    heads = ["", "found", "goal", "reached"]
    rest = "Go and Rust show the limit. The growth of lists is measured by `python -m benchmarks.list_latency`."
    return f"## Goals\n\n{table(heads, rows)}\n{rest}\n"


def _of_subscribers(heard: Mapping[str, Sequence[Heard]]) -> Iterator[list[str]]:
    for name, rounds in heard.items():
        who = f"{rounds[0].clients} subscribers, {name}"
        cpu, last = median(each.cpu for each in rounds) * 1e6, median(each.last for each in rounds) * 1e3
        for what, found, limit in (
            ("microseconds of CPU for each", cpu, MICROSECONDS_MAX),
            ("milliseconds to the last", last, MILLISECONDS_MAX),
        ):
            yield [f"{who}: {what}", f"{found:.0f}", f"at most {limit}", "yes" if found <= limit else "no"]


def _row(name: str, operation: str, limit: float, found: float | None) -> list[str]:
    if found is None:
        return []
    is_reached = "yes" if found <= limit else "no"
    return [f"{operation}: CPU per request to {name}", f"{found:.2f}", f"at most {limit:.2f}", is_reached]
