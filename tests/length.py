"""How far the tests go: `make test` runs a sample of what is long, `BILLING_TEST_SCALE=full` the same code in full."""

import os
from typing import Final

IS_FULL: Final = os.environ.get("BILLING_TEST_SCALE") == "full"


def scaled(full: int, short: int) -> int:
    """The figure of the full run, or that of the run inside `make test`."""
    return full if IS_FULL else short
