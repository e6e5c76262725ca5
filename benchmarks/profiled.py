"""`billing`, profiled from one SIGUSR1 to the next: the share of each layer is written to a file for each stretch.

    python -m benchmarks.profiled FOLDER serve

counts the CPU time of the main thread, so that waiting costs nothing. The files are 1.json, 2.json and so on.
"""

import cProfile
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

from app.cli import main
from benchmarks.layer_shares import shares


class Profiles:
    """Begins and ends a profile in turn."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._profile: cProfile.Profile | None = None

    def turn(self, *_signal: Any) -> None:
        """Begin a profile, or end and write the one that runs."""
        if self._profile is None:
            self._profile = cProfile.Profile(time.thread_time)
            self._profile.enable()
            return
        self._profile.create_stats()
        self._number += 1
        part = self._folder / f"{self._number}.part"
        part.write_text(json.dumps(shares(self._profile.stats)))
        part.rename(part.with_suffix(".json"))
        self._profile = None


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, Profiles(Path(sys.argv.pop(1))).turn)
    main()
