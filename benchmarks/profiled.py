"""`billing`, profiled from one SIGUSR1 to the next: the share of each layer is written to a file for each stretch.

    python -m benchmarks.profiled FOLDER serve

The files are 1.json, 2.json and so on.
"""

import json
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path
from types import FrameType
from typing import Any, Final

from app.cli import main
from benchmarks.layer_shares import layer_at, shares

TICK_SECONDS: Final = 0.001
"""The kernel looks at these timers with each of its own ticks, 100 to 1,000 in a second."""
OTHERS: Final = "other threads"


class Samples:
    """CPU seconds of this process by layer.

    Whenever the process has used some more time, what its main thread has used of it counts for the layer in which that
    is found, and the rest is that of other threads: they cannot be looked at in the middle of a short job. A profile of
    all calls, by cProfile, makes calls look dearer than they are, and from Python 3.12 on it hears all threads and
    mixes their clocks.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._main, self._all = time.thread_time(), time.process_time()

    def begin(self) -> None:
        """Look from now on. The signal's handler stays: of a signal without one, a late one would end the process."""
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, TICK_SECONDS, TICK_SECONDS)

    def end(self) -> None:
        """Look no more."""
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _look(self, _signal: int, interrupted: FrameType | None) -> None:
        main, whole = time.thread_time(), time.process_time()
        # Less than nothing if the next look has interrupted this one.
        used = max(0.0, main - self._main)
        self.seconds[layer_at(interrupted)] += used
        self.seconds[OTHERS] += max(0.0, whole - self._all - used)
        self._main, self._all = main, whole


class Profiles:
    """Begins and ends a profile in turn."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self._samples: Samples | None = None

    def turn(self, *_signal: Any) -> None:
        """Begin a profile, or end and write the one that runs."""
        if self._samples is None:
            self._samples = Samples()
            self._samples.begin()
            return
        self._samples.end()
        self._number += 1
        part = self._folder / f"{self._number}.part"
        part.write_text(json.dumps(shares(self._samples.seconds)))
        part.rename(part.with_suffix(".json"))
        self._samples = None


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, Profiles(Path(sys.argv.pop(1))).turn)
    main()
