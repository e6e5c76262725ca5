"""The environment of a test run: a developer's BILLING_* settings, as `make services` prints them, stay out of it."""

import os
from typing import Final

OURS: Final = "BILLING_TEST_"


def clear_settings() -> None:
    """Remove every BILLING_* variable but those of the tests: with the rest they would write into a developer's own
    database and topic."""
    for name in [name for name in os.environ if name.startswith("BILLING_") and not name.startswith(OURS)]:
        del os.environ[name]
