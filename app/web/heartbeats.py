"""Whether processes hang: the event loop of each counts in memory that its parent maps, and the parent looks."""

import asyncio
import mmap
from typing import Final

BEAT_SECONDS: Final = 1.0
"""Between two beats, and between two looks."""
LOOKS_MAX: Final = 15
"""So many looks without a beat are a process that hangs. Loops turn within milliseconds, and after 15 seconds every
operation that a worker had is past its deadline."""
LOOKS_OF_A_START: Final = 120
"""Without a first beat. A start takes a second of processor time, of which all workers begin one at once."""


class Heartbeats:
    """How often each event loop has said that it turns, by the place of its process: -1, or from 0 below `workers`.
    How many processes were started again is beside it, for whoever answers for all."""

    def __init__(self, workers: int) -> None:
        # That of the place -1 is the last one.
        self._counts = memoryview(mmap.mmap(-1, 8 * (workers + 2))).cast("Q")
        self._restarts = workers

    def beat(self, place: int) -> None:
        """Count now, and once a second as long as the running loop turns."""
        self._counts[place] += 1
        asyncio.get_running_loop().call_later(BEAT_SECONDS, self.beat, place)

    def count(self, place: int) -> int:
        """How often the processes of this place have counted."""
        return self._counts[place]

    def restarted(self) -> None:
        """Count a process that was started again; only the parent does."""
        self._counts[self._restarts] += 1

    @property
    def restarts(self) -> int:
        """How many were, since the parent has started."""
        return self._counts[self._restarts]


class Watch:
    """Counts the looks at which a process, which begins with this, has not gone on.

    No clock is asked: while a machine is suspended, or all processes are stopped, nobody looks.
    """

    def __init__(self, heartbeats: Heartbeats, place: int) -> None:
        self._heartbeats = heartbeats
        self._place = place
        self._seen = heartbeats.count(place)
        self._has_begun = False
        self.silent_looks = 0

    def hangs(self) -> bool:
        """Look, once a second at most; true at one look, after which it is to be killed."""
        count = self._heartbeats.count(self._place)
        if count != self._seen:
            self._seen, self._has_begun, self.silent_looks = count, True, 0
            return False
        self.silent_looks += 1
        return self.silent_looks == (LOOKS_MAX if self._has_begun else LOOKS_OF_A_START)
