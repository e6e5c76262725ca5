"""The contracts of events about batches and attachments of appeals."""

from typing import Final

from app.events.event_contract import EventContract
from app.events.payloads import AppealBatchEventData, DenialEventData

APPEAL_CONTRACTS: Final = {
    "AppealAttachmentAdded": EventContract(
        "br.billing.denial.attachment_added.v1", DenialEventData, "A document is attached to an appeal."
    ),
    "AppealAttachmentRemoved": EventContract(
        "br.billing.denial.attachment_removed.v1", DenialEventData, "An attachment of an appeal is removed."
    ),
    "AppealBatchCreated": EventContract(
        "br.billing.appeal_batch.created.v1", AppealBatchEventData, "Appeals are put into a batch."
    ),
    "AppealBatchSent": EventContract(
        "br.billing.appeal_batch.sent.v1", AppealBatchEventData, "The document of a batch of appeals is written."
    ),
    "AppealBatchReceived": EventContract(
        "br.billing.appeal_batch.received.v1",
        AppealBatchEventData,
        "The payer confirms the reception of a batch of appeals with a protocol number.",
    ),
    "AppealBatchRejected": EventContract(
        "br.billing.appeal_batch.rejected.v1",
        AppealBatchEventData,
        "The payer rejects a batch of appeals as a whole; its appeals may be sent again.",
    ),
    "AppealsRefused": EventContract(
        "br.billing.appeal_batch.appeals_refused.v1",
        AppealBatchEventData,
        "The payer refuses the appeals of one claim of a batch at reception; they may be sent again.",
    ),
    "AppealBatchAnswered": EventContract(
        "br.billing.appeal_batch.answered.v1", AppealBatchEventData, "The last appeal of a batch is answered."
    ),
    "AppealBatchCancelled": EventContract(
        "br.billing.appeal_batch.cancelled.v1",
        AppealBatchEventData,
        "A batch of appeals is cancelled before it is sent.",
    ),
}
"""The contracts by the event's short name."""
