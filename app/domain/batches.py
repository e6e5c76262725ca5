"""The batch (lote de guias): claims of one type that a provider sends to a payer in one document; its states."""

from typing import Final

from app.domain.claims import AWAITING_RETURN, DECIDED, ClaimStatus
from app.domain.described import DescribedEnum
from app.domain.errors import Failure, in_conflict, status_conflict, wrong_status

CLAIMS_MAX: Final = 100
"""The most claims that the standard allows in one batch."""


class BatchStatus(DescribedEnum):
    OPEN = "OPEN", "Not sent yet; claims can still be removed."
    SENT = "SENT", "Its document is written and never changes again."
    RECEIVED = "RECEIVED", "The payer has confirmed its reception with a protocol number."
    REJECTED = "REJECTED", "The payer rejected it as a whole; its claims can be put into another batch."
    PROCESSED = "PROCESSED", "The payer has decided all its claims."
    CANCELLED = "CANCELLED", "Cancelled before it was sent; its claims can be put into another batch."


class BatchAction(DescribedEnum):
    CREATE = "CREATE", "Created."
    REMOVE_CLAIM = "REMOVE_CLAIM", "A claim was removed before sending."
    SEND = "SEND", "Sent: the document was written."
    RECEIVE = "RECEIVE", "The payer confirmed the reception."
    REFUSE_CLAIM = "REFUSE_CLAIM", "The payer refused a claim at reception."
    REJECT = "REJECT", "The payer rejected the batch."
    PROCESS = "PROCESS", "The last of its claims was decided or cancelled."
    CANCEL = "CANCEL", "Cancelled before it was sent."


TRANSITIONS: dict[tuple[BatchStatus, BatchAction], BatchStatus] = {
    (BatchStatus.OPEN, BatchAction.REMOVE_CLAIM): BatchStatus.OPEN,
    (BatchStatus.OPEN, BatchAction.SEND): BatchStatus.SENT,
    (BatchStatus.OPEN, BatchAction.CANCEL): BatchStatus.CANCELLED,
    (BatchStatus.SENT, BatchAction.RECEIVE): BatchStatus.RECEIVED,
    (BatchStatus.SENT, BatchAction.REJECT): BatchStatus.REJECTED,
    (BatchStatus.RECEIVED, BatchAction.REFUSE_CLAIM): BatchStatus.RECEIVED,
    # A payer may decide without having confirmed the reception.
    (BatchStatus.SENT, BatchAction.PROCESS): BatchStatus.PROCESSED,
    (BatchStatus.RECEIVED, BatchAction.PROCESS): BatchStatus.PROCESSED,
}

WORDING: Final = {
    BatchAction.REMOVE_CLAIM: "remove a claim from",
    BatchAction.RECEIVE: "record a protocol of",
    BatchAction.REFUSE_CLAIM: "refuse a claim of",
}
"""Actions whose name is not the verb of a sentence."""

INSTEAD: Final = {
    BatchStatus.OPEN: "send it first",
    BatchStatus.SENT: "record the payer's protocol, or that the payer rejected it",
    BatchStatus.RECEIVED: "the payer's decisions come next",
    BatchStatus.REJECTED: "put its claims into another batch",
    BatchStatus.PROCESSED: "all its claims are decided",
    BatchStatus.CANCELLED: "put its claims into another batch",
}
"""What to do with a batch in this state."""

ACTIVE: Final = frozenset({BatchStatus.OPEN, BatchStatus.SENT, BatchStatus.RECEIVED, BatchStatus.PROCESSED})
"""States of a batch whose claims can be in no other one."""
UNDECIDED: Final = frozenset({BatchStatus.SENT, BatchStatus.RECEIVED})
"""States of a batch that the payer has and that becomes PROCESSED with the decision of its last claim."""
FINISHED: Final = DECIDED | {ClaimStatus.CANCELLED}
"""States of a claim that its batch no longer waits for."""


def next_status(status: BatchStatus, action: BatchAction) -> BatchStatus:
    """The state after the action; CONFLICT for every pair that is not in the table."""
    try:
        return TRANSITIONS[status, action]
    except KeyError:
        verb = WORDING.get(action, action.value.lower())
        raise wrong_status(verb, "a batch", status, INSTEAD[status]) from None


def sending_block(status: ClaimStatus) -> Failure | None:
    """Why a claim in this state cannot be sent in a batch, or None if it can: the payer's decision must be open."""
    if status in AWAITING_RETURN:
        return None
    return status_conflict(f"only submitted claims can be exported, this one is {status}", status)


def membership_block(number: int, status: BatchStatus) -> Failure:
    """Why a claim that is in an active batch cannot be put into another one."""
    if status is BatchStatus.OPEN:
        return in_conflict(f"the claim is in batch {number}, which is open: remove it from that batch first")
    return in_conflict(
        f"the claim is in batch {number}, which is {status}: record the payer's answer to that batch first"
    )
