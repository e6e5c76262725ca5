"""Which pages may sort a table: the others are read in their order from an index, which LIMIT ends."""

from typing import Final

SORTED: Final = (
    # What has this number, or is of this patient or invoice, is few.
    *("(ids)", "(number)", "(statementNumber)", "(protocolNumber)", "(invoiceId)"),
    *("(patientId)", "(providerClaimNumber)", "(payerClaimNumber)", "(cpf)", "irthDate)", "(payer of nothing)"),
    # So are the amounts within ten reais.
    *("(claimedAmount)", "(totalAmount)", "(amount)"),
    # At most two months, where the index of the order has everything newer before them (decision 40). Not the days of
    # service of claims: an index has each of these in the order of the list.
    *("claims(submittedAt of ", "denials(createdAt of ", "invoices(dueDate of ", "settlements(paidOn of "),
    *("remittances(paidOn of ", "eligibilityHistory(serviceDate of ", "remittanceAdjustments(paidOn of "),
    *("unmatchedRemittanceLines(paidOn of ", "unmatchedRemittanceLines(createdAt of "),
    *("unmatchedRemittanceLines(waitingSince of ", "underpayments(performedOn of "),
    # Few beside their table: invoices that are overdue, statements that are not posted with their waiting lines.
    *("invoices(overdue)", "unmatchedRemittanceLines(status IMPORTED)"),
    # Their parties are those of another table, whose rows of a provider or payer are read first.
    *("denials(providerCnes)", "remittanceAdjustments(provider", "remittanceAdjustments(payer"),
    *("remittanceAdjustments(all) of two", "underpayments(provider", "underpayments(all) of two"),
    # Of the claims of each provider, one for each practitioner.
    "practitioners(",
    # Two states of adjustments, and the numbers of all batches of some providers, are not merged.
    *("remittanceAdjustments(status OPEN, DISPUTED)", "batches(all) NUMBER"),
)
"""Parts of the names of cases."""
