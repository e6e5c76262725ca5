"""The access log as a service: entries of a change in its transaction, the sealing of what waits, and the check."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import access_log as audit_db
from app.db.access_log import ChainHead, Sealed
from app.db.engine import Database
from app.domain.access_log import FIRST_HASH, AccessKind, Entry, Seal

SEAL_BATCH = 500
CHECK_BATCH = 2_000
STARTED, STOPPED = "STARTED", "STOPPED"


async def seal_batch(connection: AsyncConnection, *, seal: Seal) -> ChainHead | None:
    """Put the next entries in their places, whoever wrote them; the new end of the log, None if nothing waits."""
    place = await audit_db.lock_head(connection)
    places: dict[str, ChainHead] = {}
    for entry in await audit_db.unsealed(connection, SEAL_BATCH):
        position = place.position + 1
        place = places[entry.id] = ChainHead(position, seal.hash(place.hash, position, entry))
    if not places:
        return None
    await audit_db.seal(connection, places)
    return place


@dataclass
class Report:
    """What a check found. `problems` are changed or missing entries; `breaks` are processes that ended without
    writing their last reads."""

    entries: int = 0
    head: ChainHead = field(default_factory=lambda: ChainHead(0, FIRST_HASH))
    problems: list[str] = field(default_factory=list)
    breaks: list[str] = field(default_factory=list)


@dataclass
class _Writer:
    """One process as the log knows it."""

    last_at: datetime
    sequence: int = 0
    has_stopped: bool = False


class Check:
    """Walks the log from its first entry; every entry must follow from the one before it."""

    def __init__(self, seal: Seal) -> None:
        self.report = Report()
        self._seal = seal
        self._writers: dict[str, _Writer] = {}

    def take(self, sealed: Sealed) -> None:
        """The next entry in order."""
        head, report = self.report.head, self.report
        if sealed.position != head.position + 1:
            report.problems.append(f"entries {head.position + 1} to {sealed.position - 1} are missing")
        elif self._seal.hash(head.hash, sealed.position, sealed.entry) != sealed.hash:
            report.problems.append(f"entry {sealed.position} ({sealed.entry.id}) was changed")
        report.entries += 1
        report.head = ChainHead(sealed.position, sealed.hash)
        self._follow(sealed.entry)

    def _follow(self, entry: Entry) -> None:
        """Keep count of what one process wrote outside of transactions."""
        number = entry.writer_sequence
        if number is None:
            return
        writer = self._writers.setdefault(entry.writer, _Writer(entry.at))
        if number != writer.sequence + 1:
            lost = f"entries {writer.sequence + 1} to {number - 1} of process {entry.writer} were never written"
            self.report.breaks.append(f"{lost}, before {entry.at:%Y-%m-%d %H:%M:%S}")
        writer.sequence, writer.last_at = number, entry.at
        writer.has_stopped = entry.kind is AccessKind.PROCESS and entry.operation == STOPPED

    def finish(self, kept: ChainHead, expected: ChainHead | None, hash_at: Mapping[int, str]) -> Report:
        """Hold the end against the head that the database keeps, and a place that an operator noted elsewhere."""
        found = self.report
        if kept.position > found.head.position:
            found.problems.append(f"entries {found.head.position + 1} to {kept.position} are missing")
        elif kept != found.head:
            found.problems.append(f"the log ends at {found.head.position}, its head says {kept.position}")
        if expected is not None and hash_at.get(expected.position) != expected.hash:
            found.problems.append(f"entry {expected.position} is not the one that was noted")
        for name, writer in self._writers.items():
            if not writer.has_stopped:
                text = f"process {name} runs, or ended at {writer.last_at:%Y-%m-%d %H:%M:%S} or up to a second later"
                found.breaks.append(f"{text} without writing its last reads")
        return found


async def check(
    database: Database,
    *,
    seal: Seal,
    expected: ChainHead | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Report:
    """Read the whole sealed log and say what was changed or is missing; `expected` is a place noted earlier."""
    walk = Check(seal)
    hash_at: dict[int, str] = {}
    async with database.reading() as connection:
        # Taken first: what is sealed meanwhile lies behind it and is not looked at.
        kept = await audit_db.head(connection)
    while walk.report.head.position < kept.position:
        async with database.reading() as connection:
            batch = await audit_db.sealed_after(connection, walk.report.head.position, CHECK_BATCH)
        batch = [each for each in batch if each.position <= kept.position]
        if not batch:
            break
        for each in batch:
            walk.take(each)
            if expected is not None and each.position == expected.position:
                hash_at[each.position] = each.hash
        if on_progress is not None:
            on_progress(walk.report.entries)
    return walk.finish(kept, expected, hash_at)
