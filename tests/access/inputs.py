"""A good input for every mutation."""

from datetime import timedelta
from typing import Any

from tests.access.party_inputs import of_parties
from tests.access.world import Rich
from tests.factories import key, today

ALWAYS_REFUSED = {
    *(f"resolveRemittanceLines of a {name}" for name in ("duplicate", "denial")),
    "resolveRemittanceLine of a denial",
}
"""A step with many lines cannot name a single one, and a claim that is denied has no line of a payment."""


def inputs_of(victim: Rich) -> dict[str, dict[str, Any]]:
    """A good input for every mutation that takes an id or names parties, all of them the victim's."""
    ids, world = victim.ids, victim.world
    parties = {"provider": world.provider, "payer": world.payer}
    once = {"idempotencyKey": key()}
    line = {"providerClaimNumber": "X1", "paidAmount": "1.00"}
    return {
        "createClaim": world.claim_input(),
        "updateDraftClaim": {"id": ids["draft"]},
        "submitClaims": {"claimIds": [ids["draft"]]},
        "cancelClaim": {"id": ids["draft"]},
        "startReview": {"id": ids["submitted"]},
        "requestInformation": {"id": ids["reviewed"], "reason": "mais dados"},
        "resumeReview": {"claimId": ids["pending"]},
        "deleteDraftClaim": {"claimId": ids["wrong_draft"]},
        "adjudicateClaim": {"id": ids["decidable"], "items": [{"sequence": 1, "approvedAmount": "100.00"}], **once},
        "replaceClaim": {"id": ids["replaceable"], "providerClaimNumber": "RX1", **once},
        "exportBatch": {"claimIds": [ids["exportable"]]},
        "withdrawClaim": {"claimId": ids["withdrawable"]},
        "createBatch": {"claimIds": [ids["unsent"]], **once},
        "createBatches": {**parties, "month": today().strftime("%Y-%m"), **once},
        "removeFromBatch": {"batchId": ids["open_batch"], "claimId": ids["in_batch"]},
        "sendBatch": {"batchId": ids["open_batch"]},
        "cancelBatch": {"batchId": ids["wrong_batch"]},
        "recordProtocol of a document": {
            "batchId": ids["receivable_batch"],
            "content": {"documentId": ids["reception_document"]},
        },
        "recordProtocol": {
            "batchId": ids["received_batch"],
            "content": {
                "protocol": {
                    "number": "1",
                    "date": today().isoformat(),
                    "refusedClaims": [{"claimId": ids["refusable"], "code": "1705"}],
                }
            },
        },
        "rejectBatch": {"batchId": ids["rejected_batch"], "reason": "Lote em duplicidade"},
        "createAppealBatches": {
            **parties,
            "denialIds": [ids["unsent_denial"]],
            "contestedProtocol": "1",
            **once,
        },
        "createAppealTemplate": {"provider": world.provider, "code": "1801", "text": "Valor devido", **once},
        "updateAppealTemplate": {"appealTemplateId": ids["appeal_template"], "text": "Valor conforme contrato"},
        "deleteAppealTemplate": {"appealTemplateId": ids["wrong_appeal_template"]},
        "recordAppealAnswers of a document": {
            **parties,
            "content": {"documentId": ids["answer_document"]},
            "idempotencyKey": key(),
        },
        "recordAppealAnswers": {
            **parties,
            "content": {"answers": [{"denialId": ids["sent_denial"], "acceptedAmount": "1.00"}]},
            **once,
        },
        "sendAppealBatch": {"appealBatchId": ids["open_appeal_batch"]},
        "cancelAppealBatch": {"appealBatchId": ids["wrong_appeal_batch"]},
        "recordAppealProtocol": {
            "appealBatchId": ids["sent_appeal_batch"],
            "protocolNumber": "1",
            "date": today().isoformat(),
        },
        "rejectAppealBatch": {"appealBatchId": ids["rejected_appeal_batch"], "reason": "Lote em duplicidade"},
        "acceptDenial": {"id": ids["lost_denial"], **once},
        "appealDenial": {"id": ids["open_denial"], "justification": "conforme contrato", **once},
        "withdrawAppeal": {"denialId": ids["withdrawable_denial"], **once},
        "attachToAppeal": {
            "denialId": ids["unsent_denial"],
            "documentId": ids["file"],
            "fileName": "exame.pdf",
            **once,
        },
        "removeAppealAttachment": {"appealAttachmentId": ids["attachment"], **once},
        "answerAppeal": {"id": ids["appealed_denial"], "acceptedAmount": "1.00", **once},
        "createInvoice of won appeals": {
            **parties,
            "billingMonth": today().strftime("%Y-%m"),
            "claimIds": [],
            "idempotencyKey": key(),
        },
        "createInvoice": {**parties, "billingMonth": today().strftime("%Y-%m"), "claimIds": [ids["approved"]], **once},
        "adjustInvoice": {"id": ids["draft_invoice"], "kind": "CREDIT", "amount": "1.00", "reason": "ajuste", **once},
        "issueInvoice": {"id": ids["draft_invoice"]},
        "cancelInvoice": {"id": ids["draft_invoice"]},
        "settleInvoice": {"id": ids["invoice"], "paidOn": today().isoformat(), "amount": "1.00", **once},
        "reverseSettlement": {"id": ids["settlement"], "amount": "1.00", "reason": "estorno", **once},
        "importRemittance": {
            **parties,
            "statementNumber": "X1",
            "lines": [line],
            "paidOn": today().isoformat(),
            **once,
        },
        "importRemittance of a document": {
            **parties,
            "documentId": ids["statement_document"],
            "idempotencyKey": key(),
        },
        "importSpreadsheet": {
            "spreadsheet": {
                "payerAnsCode": world.payer,
                "providerCnes": world.provider,
                "documentId": ids["mapped_sheet"],
            },
            "idempotencyKey": key(),
        },
        "saveStatementMapping": {
            **parties,
            "columns": [
                {"header": "Guia", "field": "PROVIDER_CLAIM_NUMBER"},
                {"header": "Valor", "field": "PAID_AMOUNT"},
            ],
            "idempotencyKey": key(),
        },
        "deleteStatementMapping": {"statementMappingId": ids["wrong_statement_mapping"]},
        "importBatch": {"documentId": ids["document"], **once},
        "cancelImportJob": {"importJobId": ids["open_job"]},
        "matchRemittanceLine": {"id": ids["unmatched_line"], "claimId": ids["reviewed"]},
        "postRemittance": {"id": ids["remittance"], **once},
        "unmatchRemittanceLine": {"remittanceLineId": ids["wrongly_matched_line"]},
        "importBankFile": {
            "providerCnes": world.provider,
            "content": {"entries": [{"bookedOn": today().isoformat(), "amount": "1.00"}]},
            **once,
        },
        "importBankFile of a document": {
            "providerCnes": world.provider,
            "content": {"documentId": ids["bank_document"]},
            "idempotencyKey": key(),
        },
        "matchBankEntries": {
            "entryIds": [ids["half_entry"], ids["other_half_entry"]],
            "remittanceIds": [ids["announced"]],
            **once,
        },
        "unmatchBankEntry": {"bankEntryId": ids["bank_entry"], **once},
        "dismissBankEntry": {"bankEntryId": ids["strange_entry"], "reason": "rendimento", **once},
        "dismissRemittanceLine": {"remittanceLineId": ids["strange_line"], "reason": "fora do sistema"},
        "correctPaymentDate": {
            "remittanceId": ids["remittance"],
            "paidOn": (today() - timedelta(days=1)).isoformat(),
            "reason": "data errada",
            **once,
        },
        "resolveRemittanceLine": {
            "remittanceLineId": ids["workable_line"],
            "resolution": {"note": {"text": "liguei"}},
            **once,
        },
        "resolveRemittanceLine of a duplicate": {
            "remittanceLineId": ids["workable_line"],
            "resolution": {"dismissDuplicate": {"duplicateOfId": ids["unmatched_line"]}},
            "idempotencyKey": key(),
        },
        "resolveRemittanceLine of a denial": {
            "remittanceLineId": ids["workable_line"],
            "resolution": {"recoverDenial": {"denialId": ids["denial"]}},
            "idempotencyKey": key(),
        },
        "resolveRemittanceLines": {
            "filter": {"ids": [ids["bulk_remittance"]]},
            "lineFilter": {"ids": [ids["bulk_line"]]},
            "afterLineId": ids["workable_line"],
            "resolution": {"note": {"text": "liguei"}},
            **once,
        },
        "resolveRemittanceLines of a duplicate": {
            "lineFilter": {"ids": [ids["bulk_line"]]},
            "resolution": {"dismissDuplicate": {"duplicateOfId": ids["unmatched_line"]}},
            "idempotencyKey": key(),
        },
        "resolveRemittanceLines of a denial": {
            "lineFilter": {"ids": [ids["bulk_line"]]},
            "resolution": {"recoverDenial": {"denialId": ids["denial"]}},
            "idempotencyKey": key(),
        },
        "splitRemittanceLine": {
            "remittanceLineId": ids["splittable_line"],
            "parts": [{"paidAmount": "1.00", "claimId": ids["submitted"]}, {"paidAmount": "1.00"}],
            **once,
        },
        "undoRemittanceLine": {"remittanceLineId": ids["undoable_line"], "reason": "engano", **once},
        "explainAdjustment": {
            "remittanceAdjustmentId": ids["open_adjustment"],
            "explanation": {"link": {"claimId": ids["claim"], "reason": "acerto"}},
            **once,
        },
        "explainAdjustment by a payment": {
            "remittanceAdjustmentId": ids["linkable_adjustment"],
            "explanation": {"link": {"settlementId": ids["settlement"], "reason": "acerto"}},
            "idempotencyKey": key(),
        },
        "explainAdjustment by a credit": {
            "remittanceAdjustmentId": ids["creditable_adjustment"],
            "explanation": {"link": {"creditId": ids["credit"], "reason": "acerto"}},
            "idempotencyKey": key(),
        },
        "undoAdjustment": {"remittanceAdjustmentId": ids["disputed_adjustment"], "reason": "engano", **once},
        "applyCredit": {"creditId": ids["credit"], "invoiceId": ids["invoice"], "amount": "1.00", **once},
        "refundCredit": {"creditId": ids["credit"], "amount": "1.00", "reason": "devolvido", **once},
        "reverseCreditUse": {"creditUseId": ids["credit_use"], "reason": "engano", **once},
        "cancelRemittance": {"remittanceId": ids["wrong_remittance"], "reason": "arquivo errado", **once},
        "releaseRemittance": {"remittanceId": ids["doubtful_remittance"], "reason": "conferido", **once},
        "closeEmergencyAccess": {"emergencyAccessId": ids["emergency"]},
        "openEmergencyAccess": {"patientId": world.patient, "reason": "Paciente inconsciente na emergencia"},
        **of_parties(victim),
        "cancelClaims": {"claimIds": [ids["draft"]]},
        "acceptDenials": {"denialIds": [ids["lost_denial"]], **once},
        "appealDenials": {"appeals": [{"denialId": ids["open_denial"], "justification": "conforme contrato"}], **once},
        "answerAppeals": {"answers": [{"denialId": ids["appealed_denial"], "acceptedAmount": "1.00"}], **once},
        "issueInvoices": {"invoiceIds": [ids["draft_invoice"]]},
        "postRemittances": {"remittanceIds": [ids["remittance"]], **once},
        "appealMatchingDenials": {
            "filter": {"providerCnes": [world.provider]},
            "justification": {"templateId": ids["appeal_template"]},
            **once,
        },
    }
