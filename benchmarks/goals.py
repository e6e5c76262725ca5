"""The goals of the gateway as ratios, and which of them a run has reached."""

from typing import Final

from benchmarks import workers
from benchmarks.contenders import GATEWAY
from benchmarks.markdown import table
from benchmarks.measure import Figures
from benchmarks.values import cpu_ms

CPU_MAX: Final = {"Mercurius with duties": 1.0, "stock Strawberry": 1.0, "REST": 1.0, "REST async": 1.0}
"""The CPU of the gateway with every duty, at most so many times that of the peer, for each operation that both know."""


def ratio(by: Figures, name: str, operation: str) -> float | None:
    """How many times the CPU of a peer the gateway needs; None without figures of both."""
    if not by.has(name, operation) or not by.has(GATEWAY, operation):
        return None
    return by.typical(GATEWAY, operation, cpu_ms) / max(by.typical(name, operation, cpu_ms), 1e-9)


def section(by: Figures, of_workers: Figures) -> str:
    """The part of the results page."""
    rows = [_row(by, name, limit) for name, limit in CPU_MAX.items() if _ratios(by, name)]
    if of_workers.samples:
        worst, operation = min((workers.gain(of_workers, each), each) for each in workers.ASKED)
        is_reached = "yes" if worst >= workers.GOAL else "no"
        rows.append(
            ["two workers, each with a core", f"{worst:.2f} ({operation})", f"at least {workers.GOAL}", is_reached]
        )
    heads = ["", "worst ratio", "goal", "reached"]
    rest = (
        "Peers without duties have no goal: they show the limit. The growth of lists is measured by "
        "`python -m benchmarks.list_latency`."
    )
    return f"## Goals\n\n{table(heads, rows)}\n{rest}\n"


def _row(by: Figures, name: str, limit: float) -> list[str]:
    worst, operation = max(_ratios(by, name))
    return [
        f"CPU per request to {name}",
        f"{worst:.2f} ({operation})",
        f"at most {limit}",
        "yes" if worst <= limit else "no",
    ]


def _ratios(by: Figures, name: str) -> list[tuple[float, str]]:
    found = ((ratio(by, name, operation), operation) for peer, operation in list(by.samples) if peer == name)
    return [(times, operation) for times, operation in found if times is not None]
