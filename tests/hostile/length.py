"""How long attacks last: `BILLING_TEST_HOSTILE=full`, which `make hostile` sets, runs the same code for longer."""

import os
from typing import Final

IS_FULL: Final = os.environ.get("BILLING_TEST_HOSTILE") == "full"
