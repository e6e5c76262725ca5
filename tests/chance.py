"""Choices that differ from run to run, of which a run can be repeated."""

import os
import secrets
from random import Random
from typing import Final

SEED: Final = "BILLING_TEST_SEED"


class Chance(Random):
    """Other choices in every run, or those of the run whose seed the variable SEED has."""

    def __init__(self) -> None:
        self.number = int(os.environ.get(SEED, secrets.randbits(32)))
        super().__init__(self.number)

    def __repr__(self) -> str:
        """How to repeat the run; a test that fails shows it."""
        return f"{SEED}={self.number}"
