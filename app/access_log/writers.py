"""Finds lost entries of reads: each process numbers them, so a gap in the numbers is a lost entry."""

from dataclasses import dataclass, field
from datetime import datetime

from app.access_log.entries import STOPPED
from app.domain.access_log import AccessKind
from app.domain.access_log_entries import AccessEntry


@dataclass
class _NumberRange:
    """Consecutive numbers, and the time of the first of their entries."""

    first: int
    last: int
    at: datetime


@dataclass
class _Writer:
    """One process, as seen in its entries."""

    last_at: datetime
    ranges: list[_NumberRange] = field(default_factory=list)
    has_stopped: bool = False


class Writers:
    """Collects the numbers of every process; entries may come in any order."""

    def __init__(self) -> None:
        self._writers: dict[str, _Writer] = {}

    def add(self, entry: AccessEntry) -> None:
        """Add an entry."""
        number = entry.writer_sequence
        if number is None:
            return
        writer = self._writers.setdefault(entry.writer, _Writer(entry.at))
        if writer.ranges and number == writer.ranges[-1].last + 1:
            writer.ranges[-1].last = number
        else:
            writer.ranges.append(_NumberRange(number, number, entry.at))
        writer.last_at = max(writer.last_at, entry.at)
        writer.has_stopped |= entry.kind is AccessKind.PROCESS and entry.operation == STOPPED

    def breaks(self, *, is_complete: bool) -> list[str]:
        """Entries that were never written. Unless the log is complete, those before a process's first entry may be
        in an archive and are not reported."""
        found: list[str] = []
        for name, writer in self._writers.items():
            found += _gaps(name, writer, after=0 if is_complete else min(each.first for each in writer.ranges) - 1)
        for name, writer in self._writers.items():
            if not writer.has_stopped:
                text = (
                    f"process {name} is running, or ended at {writer.last_at:%Y-%m-%d %H:%M:%S} or up to a second later"
                )
                found.append(f"{text} without writing its last reads")
        return found


def _gaps(name: str, writer: _Writer, after: int) -> list[str]:
    found: list[str] = []
    for run in sorted(writer.ranges, key=lambda each: each.first):
        if run.first > after + 1:
            lost = f"entries {after + 1} to {run.first - 1} of process {name} were never written"
            found.append(f"{lost}, before {run.at:%Y-%m-%d %H:%M:%S}")
        after = max(after, run.last)
    return found
