"""The open fields of appeals, as those of `open_fields.py`."""

from typing import Final

APPEALS: Final[dict[str, tuple[str, ...]]] = {
    "states, counts, days and parties of batches of appeals, which only `batches:read` leads to": (
        "AppealBatch.appealInstance",
        "AppealBatch.availableActions",
        "AppealBatch.createdAt",
        "AppealBatch.denialCount",
        "AppealBatch.history",
        "AppealBatch.id",
        "AppealBatch.number",
        "AppealBatch.payer",
        "AppealBatch.protocolDate",
        "AppealBatch.provider",
        "AppealBatch.sentAt",
        "AppealBatch.status",
        "AppealBatch.updatedAt",
        "AppealBatch.version",
        "AppealBatchHistoryEntry.action",
        "AppealBatchHistoryEntry.denialCount",
        "AppealBatchHistoryEntry.status",
        "AppealBatchHistoryEntry.version",
        "AppealMatchingDenialsPayload.appealedCount",
        "AppealMatchingDenialsPayload.results",
        "CreateAppealBatchesPayload.batches",
        "CreateAppealBatchesPayload.hasMore",
        "DeleteAppealTemplatePayload.deletedAppealTemplateId",
        "RecordAppealAnswersPayload.appliedCount",
        "RecordAppealAnswersPayload.results",
    ),
    "counts and shares over many claims, which only `claims:create` leads to": (
        "ClaimPreflight.denialChances",
        "DenialChance.chance",
        "DenialChance.decidedItemCount",
        "DenialChance.deniedItemCount",
        "DenialChance.isOfPractitioner",
        "DenialChance.itemSequence",
    ),
    "what is known of a file, which only denials lead to; its name and its content have rules": (
        "AppealAttachment.appealInstance",
        "AppealAttachment.createdAt",
        "AppealAttachment.id",
        "AppealAttachment.kind",
        "AppealAttachment.size",
        "Denial.attachments",
    ),
    "the instance of an appeal, and earlier appeals, whose texts and amounts have rules": (
        "Denial.appealInstance",
        "Denial.earlierAppeals",
    ),
    "kinds and days of the proofs for an appeal, which only `denials:appeal` leads to": (
        "AppealDraft.evidence",
        "AppealEvidence.date",
        "AppealEvidence.kind",
    ),
    "what is known of a template, which only `denials:appeal` leads to": (
        "*Payload.template",
        "AppealTemplate.createdAt",
        "AppealTemplate.id",
        "AppealTemplate.provider",
        "AppealTemplate.updatedAt",
        "AppealTemplate.version",
    ),
}

APPEAL_TEXTS: Final[dict[str, tuple[str, ...]]] = {
    "numbers of documents and protocols, and names of staff": (
        "AppealAttachment.createdBy",
        "AppealAttachment.digest",
        "AppealBatch.contestedProtocol",
        "AppealBatch.createdBy",
        "AppealBatch.protocolNumber",
        "AppealBatch.tissVersion",
        "AppealBatchHistoryEntry.actor",
        "AppealTemplate.code",
        "AppealTemplate.createdBy",
    ),
    "parts of groups of denials, which only fields with rules lead to": (
        "GroupedPractitioner.council",
        "GroupedPractitioner.state",
        "GroupedProcedure.codeSystem",
    ),
}
