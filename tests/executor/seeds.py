"""How many operations the tests of this folder generate, and how a run of them is repeated."""

import os
import secrets
from random import Random

from tests import length
from tests.length import scaled

CASES = int(os.environ.get("BILLING_TEST_EXECUTOR_CASES", scaled(full=5_000, short=100)))
"""So many queries for each database."""
SELECTIONS = max(CASES // 100, 1)
"""So many are generated below each mutation, and ten times as many below each subscription."""
IS_FULL = length.IS_FULL or "BILLING_TEST_EXECUTOR_CASES" in os.environ
SEED = "BILLING_TEST_EXECUTOR_SEED"


class Chance(Random):
    """Other choices in every run, or those of the run whose seed the variable SEED has."""

    def __init__(self) -> None:
        self.number = int(os.environ.get(SEED, secrets.randbits(32)))
        super().__init__(self.number)

    def __repr__(self) -> str:
        """How to repeat the run; a test that fails shows it."""
        return f"{SEED}={self.number}"
