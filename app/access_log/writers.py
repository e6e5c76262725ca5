"""What each process wrote outside of transactions: the numbers have gaps where a process lost entries."""

from dataclasses import dataclass, field
from datetime import datetime

from app.access_log.entries import STOPPED
from app.domain.access_log import AccessKind
from app.domain.access_log_entries import AccessEntry


@dataclass
class _Run:
    """Numbers without a gap, and the time of the entry with the first of them."""

    first: int
    last: int
    at: datetime


@dataclass
class _Writer:
    """One process as the log knows it."""

    last_at: datetime
    runs: list[_Run] = field(default_factory=list)
    has_stopped: bool = False


class Writers:
    """Counts the numbered entries of every process; they may come in any order."""

    def __init__(self) -> None:
        self._writers: dict[str, _Writer] = {}

    def follow(self, entry: AccessEntry) -> None:
        """The next entry."""
        number = entry.writer_sequence
        if number is None:
            return
        writer = self._writers.setdefault(entry.writer, _Writer(entry.at))
        if writer.runs and number == writer.runs[-1].last + 1:
            writer.runs[-1].last = number
        else:
            writer.runs.append(_Run(number, number, entry.at))
        writer.last_at = max(writer.last_at, entry.at)
        writer.has_stopped |= entry.kind is AccessKind.PROCESS and entry.operation == STOPPED

    def breaks(self, *, is_complete: bool) -> list[str]:
        """What was never written; unless the log is complete, what came before a process's first entry may be in an
        archive."""
        found: list[str] = []
        for name, writer in self._writers.items():
            found += _gaps(name, writer, after=0 if is_complete else min(run.first for run in writer.runs) - 1)
        for name, writer in self._writers.items():
            if not writer.has_stopped:
                text = f"process {name} runs, or ended at {writer.last_at:%Y-%m-%d %H:%M:%S} or up to a second later"
                found.append(f"{text} without writing its last reads")
        return found


def _gaps(name: str, writer: _Writer, after: int) -> list[str]:
    found: list[str] = []
    for run in sorted(writer.runs, key=lambda each: each.first):
        if run.first > after + 1:
            lost = f"entries {after + 1} to {run.first - 1} of process {name} were never written"
            found.append(f"{lost}, before {run.at:%Y-%m-%d %H:%M:%S}")
        after = max(after, run.last)
    return found
