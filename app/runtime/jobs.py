"""The background jobs of a process: imports of documents, postings of statements, and lines whose claims have come."""

from app.db.clock import DatabaseClock
from app.db.engine import Database
from app.db.imports import ImportJobRecord
from app.db.postings import PostingRecord
from app.runtime.job_worker import JobWorker
from app.services.import_runner import ImportRunner, UnknownCard
from app.services.matching_runner import Arrived, MatchingRunner
from app.services.posting_runner import PostingRunner
from app.tiss.child_processes import ChildProcesses
from app.unit_of_work.run import Changes
from app.values.frozen import frozen


@frozen
class Jobs:
    """A worker for each kind."""

    imports: JobWorker[ImportJobRecord]
    postings: JobWorker[PostingRecord]
    matching: JobWorker[Arrived]
    matcher: MatchingRunner

    @property
    def workers(self) -> tuple[JobWorker[ImportJobRecord], JobWorker[PostingRecord], JobWorker[Arrived]]:
        """What runs while the process serves."""
        return self.imports, self.postings, self.matching

    def queued(self) -> None:
        """A job was queued in this process, or an analysis was posted."""
        self.imports.wake()
        self.postings.wake()
        self.matcher.analysed()
        self.matching.wake()

    def submitted(self, claim_ids: list[str]) -> None:
        """Claims were submitted in this process."""
        self.matcher.submitted(claim_ids)
        self.matching.wake()


def jobs_of(
    database: Database,
    changes: Changes,
    children: ChildProcesses,
    *,
    clock: DatabaseClock,
    on_unknown_card: UnknownCard,
) -> Jobs:
    """The jobs, of which none runs yet; they rest while the clocks of process and database differ."""

    def is_agreed() -> bool:
        return clock.is_agreed

    importer = ImportRunner(database, changes, children, on_unknown_card=on_unknown_card)
    matcher = MatchingRunner(database, changes)
    return Jobs(
        imports=JobWorker(importer, name="imports", is_agreed=is_agreed),
        postings=JobWorker(PostingRunner(database, changes), name="postings", is_agreed=is_agreed),
        matching=JobWorker(matcher, name="matching", is_agreed=is_agreed),
        matcher=matcher,
    )
