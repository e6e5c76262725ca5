"""`billing` with a clock that is wrong by WRONG_BY_SECONDS, from before any of its modules reads the time."""

import os
import time

WRONG_BY_SECONDS = float(os.environ["WRONG_BY_SECONDS"])
_time, _time_ns = time.time, time.time_ns
time.time = lambda: _time() + WRONG_BY_SECONDS
time.time_ns = lambda: _time_ns() + int(WRONG_BY_SECONDS * 1_000_000_000)

from app.cli import main  # noqa: E402 - the clock is wrong before any module of the gateway is there

if __name__ == "__main__":
    main()
