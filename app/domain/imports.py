"""Imports of documents: the states of a job, what may follow what, and the results for single guides."""

from typing import Final

from app.domain.described import DescribedEnum
from app.domain.errors import wrong_status
from app.values.frozen import frozen


class ImportJobKind(DescribedEnum):
    """What an import job imports."""

    BATCH = "BATCH", "Guides of TISS batches (lotes); counts are of guides."
    STATEMENT = "STATEMENT", "A payer's statements (demonstrativos); counts are of lines."


@frozen
class StatementImport:
    """A statement of a job's document: the remittance that it becomes, or is already, and how many lines it has."""

    remittance_id: str
    lines: int
    is_known: bool = False
    # Whether a line so far contradicts its claim.
    is_contradictory: bool = False


class ImportJobStatus(DescribedEnum):
    """Status of an import job."""

    QUEUED = "QUEUED", "It waits for its turn."
    RUNNING = "RUNNING", "Guides or lines are being imported; after a failure of the gateway another one goes on."
    DONE = "DONE", "Every guide or line is imported, or refused."
    FAILED = "FAILED", "The document cannot be read, and nothing was imported; `errors` has the reasons."
    CANCELLED = "CANCELLED", "It was cancelled; what was imported before stays."


class ImportJobAction(DescribedEnum):
    """A step of an import job."""

    BEGIN = "BEGIN", "The document was opened."
    FINISH = "FINISH", "The last guide has its result."
    FAIL = "FAIL", "The document cannot be read, or its lines cannot be stored."
    CANCEL = "CANCEL", "Somebody cancels it."


class ImportOutcome(DescribedEnum):
    """The result for one guide."""

    TAKEN = "TAKEN", "It became a submitted claim."
    TAKEN_WITH_WARNINGS = "TAKEN_WITH_WARNINGS", "It became a submitted claim, which the payer may deny in part."
    UNCHANGED = "UNCHANGED", "The same guide was imported before."
    REFUSED = "REFUSED", "It was not imported; `errors` has the reasons."


TRANSITIONS: Final[dict[tuple[ImportJobStatus, ImportJobAction], ImportJobStatus]] = {
    (ImportJobStatus.QUEUED, ImportJobAction.BEGIN): ImportJobStatus.RUNNING,
    (ImportJobStatus.QUEUED, ImportJobAction.FAIL): ImportJobStatus.FAILED,
    (ImportJobStatus.QUEUED, ImportJobAction.CANCEL): ImportJobStatus.CANCELLED,
    (ImportJobStatus.RUNNING, ImportJobAction.FINISH): ImportJobStatus.DONE,
    (ImportJobStatus.RUNNING, ImportJobAction.FAIL): ImportJobStatus.FAILED,
    (ImportJobStatus.RUNNING, ImportJobAction.CANCEL): ImportJobStatus.CANCELLED,
}
"""Every allowed step; a missing pair is a CONFLICT."""
OPEN: Final = (ImportJobStatus.QUEUED, ImportJobStatus.RUNNING)
"""What still has something to do."""


def next_status(status: ImportJobStatus, action: ImportJobAction) -> ImportJobStatus:
    """The status after the step; CONFLICT if it is not allowed."""
    try:
        return TRANSITIONS[status, action]
    except KeyError:
        raise wrong_status(action.value.lower(), "an import job", status) from None
