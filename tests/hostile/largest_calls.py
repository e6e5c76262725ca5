"""The largest call of every root field: as many values, rows and objects as the limits allow.

A row prepares what its call needs and returns the call; what is measured is the call alone."""

from collections.abc import Awaitable, Callable
from typing import Final

from tests.hostile import largest_bulk as bulk
from tests.hostile import largest_documents as documents
from tests.hostile import largest_lists as lists
from tests.hostile import largest_mutations as mutations
from tests.hostile import largest_queries as queries
from tests.hostile.largest_data import Big, Call

LARGEST: Final[dict[str, Callable[[Big], Awaitable[Call]]]] = {
    "Query.me": queries.me,
    "Query.streamCursor": queries.stream_cursor,
    "Query.node": queries.node,
    "Query.nodes": queries.nodes,
    "Query.claim": queries.claim,
    "Query.claimPreflight": queries.claim_preflight,
    "Query.claims": queries.claims_page,
    "Query.denials": queries.denials_page,
    "Query.invoice": queries.invoice,
    "Query.invoices": queries.invoices_page,
    "Query.settlements": queries.settlements_page,
    "Query.remittance": queries.remittance,
    "Query.remittances": queries.remittances_page,
    "Query.unmatchedRemittanceLines": queries.unmatched_lines,
    "Query.reconciliation": queries.reconciliation,
    "Query.billingIndicators": queries.billing_indicators,
    "Query.billingBreakdown": lists.billing_breakdown,
    "Query.denialBreakdown": lists.denial_breakdown,
    "Query.contract": lists.contract,
    "Query.contracts": queries.contracts,
    "Query.payers": lists.payers_page,
    "Query.payer": lists.payer,
    "Query.providers": lists.providers_page,
    "Query.provider": lists.provider,
    "Query.practitioners": lists.practitioners_page,
    "Query.patients": lists.patients_page,
    "Query.eligibilityHistory": queries.eligibility_history,
    "Query.document": documents.document,
    "Query.tussTerm": queries.tuss_term,
    "Query.tussTerms": queries.tuss_terms,
    "Query.myAccessLog": queries.my_access_log,
    "Query.emergencyAccesses": queries.emergency_accesses,
    "Mutation.createClaim": mutations.create_claim,
    "Mutation.updateDraftClaim": mutations.update_draft,
    "Mutation.submitClaims": mutations.submit_claims,
    "Mutation.cancelClaims": bulk.cancel_claims,
    "Mutation.acceptDenials": bulk.accept_denials,
    "Mutation.appealDenials": bulk.appeal_denials,
    "Mutation.answerAppeals": bulk.answer_appeals,
    "Mutation.issueInvoices": bulk.issue_invoices,
    "Mutation.postRemittances": bulk.post_remittances,
    "Mutation.cancelClaim": mutations.cancel_claim,
    "Mutation.startReview": mutations.start_review,
    "Mutation.resumeReview": mutations.resume_review,
    "Mutation.deleteDraftClaim": mutations.delete_draft,
    "Mutation.adjudicateClaim": mutations.adjudicate,
    "Mutation.requestInformation": mutations.request_information,
    "Mutation.exportBatch": mutations.export_batch,
    "Mutation.acceptDenial": mutations.accept_denial,
    "Mutation.appealDenial": mutations.appeal_denial,
    "Mutation.answerAppeal": mutations.answer_appeal,
    "Mutation.withdrawAppeal": mutations.withdraw_appeal,
    "Mutation.createInvoice": mutations.create_invoice,
    "Mutation.issueInvoice": mutations.issue_invoice,
    "Mutation.cancelInvoice": mutations.cancel_invoice,
    "Mutation.adjustInvoice": mutations.adjust_invoice,
    "Mutation.settleInvoice": mutations.settle_invoice,
    "Mutation.reverseSettlement": mutations.reverse_settlement,
    "Mutation.importRemittance": mutations.import_remittance,
    "Mutation.matchRemittanceLine": mutations.match_line,
    "Mutation.postRemittance": mutations.post_remittance,
    "Mutation.unmatchRemittanceLine": mutations.unmatch_line,
    "Mutation.dismissRemittanceLine": mutations.dismiss_line,
    "Mutation.cancelRemittance": mutations.cancel_remittance,
    "Mutation.replaceClaim": mutations.replace_claim,
    "Mutation.checkEligibility": mutations.check_eligibility,
    "Mutation.openEmergencyAccess": mutations.open_emergency,
    "Mutation.closeEmergencyAccess": mutations.close_emergency,
    "Mutation.saveContract": mutations.save_contract,
    "Mutation.endContractPrice": mutations.end_price,
    "Mutation.closeContract": mutations.close_contract,
}

HEAVIEST: Final = (
    "Query.nodes",
    "Query.claimPreflight",
    "Query.remittance",
    "Mutation.createClaim",
    "Mutation.updateDraftClaim",
    "Mutation.submitClaims",
    "Mutation.adjudicateClaim",
    "Mutation.exportBatch",
    "Mutation.importRemittance",
    "Mutation.matchRemittanceLine",
    "Mutation.postRemittance",
    "Mutation.replaceClaim",
)
"""What every run measures; BILLING_TEST_HOSTILE=full measures all of LARGEST."""

LONGEST_MILLISECONDS: Final = 25
