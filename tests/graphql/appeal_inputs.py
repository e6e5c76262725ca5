"""The inputs of mutations on appeals, as short as they may be."""

APPEAL_BATCHES = {
    "attachToAppeal": 'denialId: "x", documentId: "x", fileName: "f", idempotencyKey: "k"',
    "removeAppealAttachment": 'appealAttachmentId: "x", idempotencyKey: "k"',
    "createAppealTemplate": 'providerCnes: "1", code: "1801", text: "t", idempotencyKey: "k"',
    "updateAppealTemplate": 'appealTemplateId: "x", text: "t"',
    "deleteAppealTemplate": 'appealTemplateId: "x"',
    "appealMatchingDenials": 'filter: {}, justification: {text: "t"}, idempotencyKey: "k"',
    "recordAppealAnswers": 'payerAnsCode: "1", providerCnes: "1", content: {answers: []}, idempotencyKey: "k"',
    "createAppealBatches": 'payerAnsCode: "1", providerCnes: "1", idempotencyKey: "k"',
    "sendAppealBatch": 'appealBatchId: "x"',
    "cancelAppealBatch": 'appealBatchId: "x"',
    "recordAppealProtocol": 'appealBatchId: "x", protocolNumber: "1", date: "2026-01-01"',
    "rejectAppealBatch": 'appealBatchId: "x", reason: "r"',
}
