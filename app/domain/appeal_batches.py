"""The batch of appeals (lote de recurso de glosa): appeals against denials of one protocol, sent in one document."""

from typing import Final

from app.domain.denials import DenialStatus
from app.domain.described import DescribedEnum
from app.domain.errors import Failure, in_conflict, status_conflict, wrong_status
from app.domain.schema_codes import codes_of

CLAIMS_MAX: Final = 100
"""The most claims that the standard allows in one document of appeals."""
DENIALS_MAX: Final = 1_000
"""The most appeals that one batch has here."""
BATCHES_MAX: Final = 10
"""How many batches one call creates at most."""


class AppealBatchStatus(DescribedEnum):
    OPEN = "OPEN", "Not sent yet."
    SENT = "SENT", "Its document is written and never changes again."
    RECEIVED = "RECEIVED", "The payer has confirmed its reception with a protocol number."
    REJECTED = "REJECTED", "The payer rejected it as a whole; its appeals can be put into another batch."
    ANSWERED = "ANSWERED", "The payer has answered all its appeals."
    CANCELLED = "CANCELLED", "Cancelled before it was sent; its appeals can be put into another batch."


class AppealBatchAction(DescribedEnum):
    CREATE = "CREATE", "Created."
    SEND = "SEND", "Sent: the document was written."
    RECEIVE = "RECEIVE", "The payer confirmed the reception."
    REJECT = "REJECT", "The payer rejected the batch."
    REFUSE_APPEALS = "REFUSE_APPEALS", "The payer refused the appeals of a claim; they can be put into another batch."
    ANSWER = "ANSWER", "The last of its appeals was answered."
    CANCEL = "CANCEL", "Cancelled before it was sent."


TRANSITIONS: dict[tuple[AppealBatchStatus, AppealBatchAction], AppealBatchStatus] = {
    (AppealBatchStatus.OPEN, AppealBatchAction.SEND): AppealBatchStatus.SENT,
    (AppealBatchStatus.OPEN, AppealBatchAction.CANCEL): AppealBatchStatus.CANCELLED,
    (AppealBatchStatus.SENT, AppealBatchAction.RECEIVE): AppealBatchStatus.RECEIVED,
    (AppealBatchStatus.SENT, AppealBatchAction.REJECT): AppealBatchStatus.REJECTED,
    (AppealBatchStatus.RECEIVED, AppealBatchAction.REFUSE_APPEALS): AppealBatchStatus.RECEIVED,
    # A payer may answer without having confirmed the reception.
    (AppealBatchStatus.SENT, AppealBatchAction.ANSWER): AppealBatchStatus.ANSWERED,
    (AppealBatchStatus.RECEIVED, AppealBatchAction.ANSWER): AppealBatchStatus.ANSWERED,
}
WORDING: Final = {
    AppealBatchAction.RECEIVE: "record a protocol of",
    AppealBatchAction.REJECT: "reject",
    AppealBatchAction.ANSWER: "record an answer to",
    AppealBatchAction.REFUSE_APPEALS: "refuse appeals of",
}
"""Actions whose name is not the verb of a sentence."""
INSTEAD: Final = {
    AppealBatchStatus.OPEN: "send it first",
    AppealBatchStatus.SENT: "record the payer's protocol, or that the payer rejected it",
    AppealBatchStatus.RECEIVED: "the payer's answers come next",
    AppealBatchStatus.REJECTED: "put its appeals into another batch",
    AppealBatchStatus.ANSWERED: "all its appeals are answered",
    AppealBatchStatus.CANCELLED: "put its appeals into another batch",
}
"""What to do with a batch of appeals in this state."""
WAITING: Final = frozenset({AppealBatchStatus.SENT, AppealBatchStatus.RECEIVED})
"""States of a batch that the payer has and that becomes ANSWERED with the answer to its last appeal."""


def next_status(status: AppealBatchStatus, action: AppealBatchAction) -> AppealBatchStatus:
    """The state after the action; CONFLICT for every pair that is not in the table."""
    try:
        return TRANSITIONS[status, action]
    except KeyError:
        verb = WORDING.get(action, action.value.lower())
        raise wrong_status(verb, "a batch of appeals", status, INSTEAD[status]) from None


def sending_block(status: DenialStatus) -> Failure | None:
    """Why a denial in this state cannot be in a batch that is sent, or None if it can: its answer must be open."""
    if status is DenialStatus.APPEALED:
        return None
    return status_conflict(f"only appealed denials can be sent, this one is {status}", status)


def code_block(code: str, version: str) -> Failure | None:
    """Why a denial with this code cannot be in a document of this version of TISS; None if it can. Payers deny with
    codes of their own too, and the standard's table has codes that its schemas do not have."""
    if code in codes_of("dm_tipoGlosa", version):
        return None
    return in_conflict(
        f"TISS {version} does not have the code of this denial: send the appeal by other means, and record the answer "
        "by denial"
    )


def sent_block(number: int, status: AppealBatchStatus) -> Failure | None:
    """Why the attachments of an appeal that is in an active batch cannot be changed; None before it is sent."""
    return in_conflict(f"the appeal was sent in batch of appeals {number}") if status in WAITING else None


def membership_block(number: int, status: AppealBatchStatus) -> Failure:
    """Why an appeal that is in an active batch can neither be put into another one nor withdrawn."""
    if status is AppealBatchStatus.OPEN:
        return in_conflict(f"the appeal is in batch of appeals {number}, which is open: cancel that batch first")
    return in_conflict(
        f"the appeal is in batch of appeals {number}, which is {status}: record the payer's answer to it first"
    )
