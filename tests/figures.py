"""Figures that a test measured, told at the end of the run."""

from collections.abc import Callable
from typing import Any

import pytest

Figures = Callable[..., None]


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Figures:
    """Call it with names and values; they are printed behind the results, also from other processes."""

    def keep(**values: Any) -> None:
        for name, value in values.items():
            shown = f"{value:.3f}" if isinstance(value, float) else str(value)
            record_property(name.replace("_", " "), shown)

    return keep


class TookLonger(AssertionError):
    """A time above its limit. What else the machine does only ever adds to a time, so pytest repeats such a test at
    most twice (`--only-rerun` in pyproject.toml): the limit has to hold in one of three runs. No other failure is
    repeated."""


def assert_within(limit: float, **times: float) -> None:
    """Raise TookLonger unless every time is below the limit, in its unit."""
    longer = {name: value for name, value in times.items() if value >= limit}
    if longer:
        raise TookLonger(f"not below {limit}: {longer}")
