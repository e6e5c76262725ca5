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
