"""`billing`, profiled from one SIGUSR1 to the next: the share of each layer is written to a file for each stretch.

    python -m benchmarks.profiled FOLDER serve

The files are 1.json, 2.json and so on.
"""

import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any, Final

from app.cli import main
from benchmarks.layer_shares import layer_at, shares

TICK_SECONDS: Final = 0.001
"""The kernel looks at these timers with each of its own ticks, 100 to 1,000 in a second."""


class Samples:
    """CPU seconds of each layer in which the threads of this process work.

    Whenever the process has used some more CPU time, what each thread has used of it, by its own clock, counts for the
    layer in which it is found. A profile of all calls, by cProfile, makes calls look dearer than they are, and from
    Python 3.12 on it mixes the clocks of all threads.
    """

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._used: Mapping[int, float] = _clocks(sys._current_frames())  # noqa: SLF001 - documented

    def begin(self) -> None:
        """Look from now on. The signal's handler stays: of a signal without one, a late one would end the process."""
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, TICK_SECONDS, TICK_SECONDS)

    def end(self) -> None:
        """Look no more."""
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _look(self, _signal: int, interrupted: FrameType | None) -> None:
        frames = sys._current_frames()  # noqa: SLF001 - documented
        used = _clocks(frames)
        own = {sys._getframe(): interrupted}  # noqa: SLF001 - documented
        for thread, frame in frames.items():
            # Less than nothing: this look was interrupted by the next one, or another thread has the number of one that
            # has ended.
            passed = max(0.0, used[thread] - self._used.get(thread, 0.0))
            self.seconds[layer_at(own.get(frame, frame))] += passed
        self._used = used


def _clocks(frames: Mapping[int, FrameType]) -> dict[int, float]:
    """The CPU seconds of each thread."""
    return {thread: time.clock_gettime(time.pthread_getcpuclockid(thread)) for thread in frames}


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
