"""Checks the chain of seals, read from the database or from archives, for changed, removed, added or reordered rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.access_log.entries import ARCHIVED
from app.access_log.writers import Writers
from app.domain import ids
from app.domain.access_log import AccessKind
from app.domain.access_log_entries import FIRST_DIGEST, AccessEntry, AccessLogKey, ChainHead, Seal, SignedEntry
from app.values.frozen import frozen

# A late entry is sealed within a minute, or within an hour if a clock is wrong: an older one is a problem.
LATE_SECONDS = 3_600


@frozen
class SealedBatch:
    """A seal, the ids of the entries that it covers, in order, and those of the entries that still exist."""

    seal: Seal
    listed: Sequence[str]
    entries: Mapping[str, SignedEntry]


@dataclass
class Report:
    """The result of a check. `problems` are changed, missing, added or reordered entries and seals; `breaks` are
    processes that ended without writing their last reads; `notes` are other facts for the reader."""

    entries: int = 0
    seals: int = 0
    waiting: int = 0
    head: ChainHead = field(default_factory=lambda: ChainHead(0, FIRST_DIGEST))
    problems: list[str] = field(default_factory=list)
    breaks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class ChainChecker:
    """Checks the seals in order: each one contains the digest of the one before it.

    `expected` is an end of the chain that was noted earlier, for example in the process log: only it shows that seals
    were cut off at the end.
    """

    def __init__(self, key: AccessLogKey, expected: ChainHead | None = None) -> None:
        self.report = Report()
        self._key = key
        self._expected = expected
        self._expected_digest: str | None = None
        self._start: ChainHead | None = None
        self._last_entry_id = ""
        self._archived: dict[int, str] = {}
        self._writers = Writers()

    def add(self, batch: SealedBatch) -> None:
        """Check the next seal, with its entries."""
        seal, report = batch.seal, self.report
        self._follow_chain(seal)
        if self._examine_entries(batch) and not self._is_intact(batch):
            report.problems.append(f"seal {seal.position} was changed")
        report.head = seal.head
        report.seals += 1
        self._last_entry_id = max(self._last_entry_id, seal.last_entry_id)
        self._note_expected(seal.head)

    def add_unsealed(self, entry_id: str, written: SignedEntry, position: int | None = None) -> None:
        """Check an entry that is not sealed; `position` if its row names a seal that does not exist."""
        if position is not None:
            # It would never be sealed: the gateway finds what to seal by this row.
            self.report.problems.append(f"entry {entry_id} names seal {position}, which does not exist")
        elif entry_id < ids.earlier(self._last_entry_id or entry_id, LATE_SECONDS):
            self.report.problems.append(f"entry {entry_id} is not sealed")
        else:
            self.report.waiting += 1
        self._examine(written, f"entry {entry_id}")

    def add_orphan(self, entry_id: str) -> None:
        """Report person rows whose entry does not exist."""
        self.report.problems.append(f"entry {entry_id} has person rows but is missing itself")

    def check_start(self, archivings: Sequence[SignedEntry]) -> None:
        """Report seals that are missing at the front, for which none of these entries accounts.

        For a check of the oldest part alone: the entries that account for it may be in a later part.
        """
        for written in archivings:
            if self._key.entry_digest(written.entry, written.persons) == written.digest:
                self._note_archiving(written.entry)
        self._check_start()

    def finish(self) -> Report:
        """The report, after the checks that need the whole log."""
        self._check_start()
        self._check_expected()
        self.report.breaks += self._writers.breaks(is_complete=self._start is None)
        return self.report

    def _check_expected(self) -> None:
        expected = self._expected
        if expected is None or self._expected_digest == expected.digest:
            return
        if self._start is not None and expected.position < self._start.position:
            text = f"seal {expected.position} was archived: add --archive FILE to compare it"
        else:
            text = f"seal {expected.position} does not match the noted one"
        self.report.problems.append(text)

    def _follow_chain(self, seal: Seal) -> None:
        head, problems = self.report.head, self.report.problems
        if not self.report.seals and seal.position > 1:
            # The seals before this one were archived: a later entry must say so, see `_check_start`.
            self._start = head = ChainHead(seal.position - 1, seal.previous)
            self._note_expected(head)
        if seal.position != head.position + 1:
            problems.append(f"{_range('seal', head.position + 1, seal.position - 1)} missing")
        elif seal.previous != head.digest:
            problems.append(f"seal {seal.position} does not follow from the one before it")

    def _note_expected(self, head: ChainHead) -> None:
        if self._expected is not None and head.position == self._expected.position:
            self._expected_digest = head.digest

    def _examine_entries(self, batch: SealedBatch) -> bool:
        """Whether all entries of the seal exist and are unchanged."""
        seal, problems_before = batch.seal, len(self.report.problems)
        name = f"of seal {seal.position}"
        for entry_id in batch.listed:
            written = batch.entries.get(entry_id)
            if written is None:
                self.report.problems.append(f"entry {entry_id} {name} is missing")
            else:
                self._examine(written, f"entry {entry_id} {name}")
        if len(batch.listed) != seal.entries:
            self.report.problems.append(
                f"seal {seal.position} has {len(batch.listed)} entries instead of {seal.entries}"
            )
        return len(self.report.problems) == problems_before

    def _examine(self, written: SignedEntry, name: str) -> None:
        entry, found = written.entry, len(written.persons)
        self.report.entries += 1
        self._writers.add(entry)
        if found != entry.persons:
            self.report.problems.append(f"{name} has {found} matching person rows instead of {entry.persons}")
        elif self._key.entry_digest(entry, written.persons) != written.digest:
            self.report.problems.append(f"{name} was changed")
        else:
            self._note_archiving(entry)

    def _note_archiving(self, entry: AccessEntry) -> None:
        if entry.kind is AccessKind.PROCESS and entry.operation == ARCHIVED:
            position, _, digest = str(entry.detail).partition(":")
            self._archived[int(position)] = digest

    def _is_intact(self, batch: SealedBatch) -> bool:
        seal = batch.seal
        pairs = [(entry_id, batch.entries[entry_id].digest) for entry_id in batch.listed]
        digest = self._key.seal_digest(seal.previous, seal.position, seal.sealed_at, pairs)
        return digest == seal.digest and pairs[-1][0] == seal.last_entry_id

    def _check_start(self) -> None:
        start = self._start
        if start is None:
            return
        # An interrupted archiving has deleted fewer seals than its entry names, hence a larger position is fine too.
        is_known = self._archived.get(start.position) == start.digest or any(p > start.position for p in self._archived)
        text = _range("seal", 1, start.position)
        if is_known:
            self.report.notes.append(f"{text} in archives: add --archive FILE to check them")
        else:
            self.report.problems.append(f"{text} missing")


def _range(what: str, first: int, last: int) -> str:
    return f"{what} {first} is" if first == last else f"{what}s {first} to {last} are"
