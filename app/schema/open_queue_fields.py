"""The open fields of the queue of lines and of unapplied credits, as those of `open_fields.py`."""

from typing import Final

QUEUE: Final[dict[str, tuple[str, ...]]] = {
    "the structure of the queue, which only `remittances:read` leads to": (
        "RemittanceLine.history",
        "RemittanceLine.setAsideUntil",
        "RemittanceLine.waitingSince",
        "RemittanceLineCandidate.items",
        "RemittanceLineCandidate.reason",
        "RemittanceLineCandidateItem.sequence",
        "RemittanceLineHistoryEntry.action",
        "RemittanceLineHistoryEntry.at",
        "RemittanceLineHistoryEntry.duplicateOf",
        "RemittanceLineHistoryEntry.problem",
        "RemittanceLineHistoryEntry.setAsideUntil",
        "RemittanceLineHistoryEntry.status",
        "RemittanceLineHistoryEntry.undoes",
        "ResolveRemittanceLinePayload.line",
        "ResolveRemittanceLinesPayload.hasMore",
        "SplitRemittanceLinePayload.line",
        "UndoRemittanceLinePayload.line",
    ),
    "what is known of a credit besides its amounts, which only `settlements:read` leads to": (
        "*Payload.credit",
        "*Payload.use",
        "CreditUse.action",
        "CreditUse.at",
        "CreditUse.id",
        "CreditUse.reverses",
        "UnappliedCredit.createdAt",
        "UnappliedCredit.id",
        "UnappliedCredit.paidOn",
        "UnappliedCredit.payer",
        "UnappliedCredit.provider",
        "UnappliedCredit.uses",
        "UnappliedCredit.version",
    ),
    "the structure of debits and credits beside the claims, which only `remittances:read` leads to": (
        "*Payload.adjustment",
        "RemittanceAdjustment.availableActions",
        "RemittanceAdjustment.history",
        "RemittanceAdjustment.id",
        "RemittanceAdjustment.status",
        "RemittanceAdjustment.version",
        "RemittanceAdjustment.waitingDays",
        "RemittanceAdjustmentHistoryEntry.action",
        "RemittanceAdjustmentHistoryEntry.at",
        "RemittanceAdjustmentHistoryEntry.id",
        "RemittanceAdjustmentHistoryEntry.status",
        "RemittanceAdjustmentHistoryEntry.undoes",
    ),
}

QUEUE_TEXTS: Final[dict[str, tuple[str, ...]]] = {
    "terms that a contract sets for everybody": ("Contract.recalculationCode",),
    "who works on a line or with a credit: the subject of a token, never a patient": (
        "CreditUse.actor",
        "RemittanceAdjustmentHistoryEntry.actor",
        "RemittanceLine.assignee",
        "RemittanceLineHistoryEntry.actor",
        "RemittanceLineHistoryEntry.assignee",
        "UnappliedCredit.createdBy",
    ),
}
