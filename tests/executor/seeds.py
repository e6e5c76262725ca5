"""How many operations the tests of this folder generate."""

import os

from tests import length
from tests.length import scaled

CASES = int(os.environ.get("BILLING_TEST_EXECUTOR_CASES", scaled(full=5_000, short=100)))
"""So many queries for each database."""
SELECTIONS = max(CASES // 100, 1)
"""So many are generated below each mutation, and ten times as many below each subscription."""
IS_FULL = length.IS_FULL or "BILLING_TEST_EXECUTOR_CASES" in os.environ
