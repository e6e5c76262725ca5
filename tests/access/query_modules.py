"""The modules whose queries the probes ask directly."""

from app.db import (
    appeal_batches,
    appeal_templates,
    bank,
    batches,
    billed_services,
    claims,
    contracts,
    deductions,
    denials,
    documents,
    earlier_appeals,
    eligibility,
    history,
    invoice_lines,
    invoices,
    line_history,
    parties,
    party_history,
    patient_changes,
    registered_practitioners,
    remittances,
    settlements,
    statement_mappings,
    unapplied_credits,
)

MODULES = (
    *(appeal_batches, appeal_templates, earlier_appeals, bank, batches, deductions, line_history, unapplied_credits),
    *(billed_services, claims, contracts, parties, eligibility, denials, documents, history, invoices, invoice_lines),
    *(party_history, patient_changes, registered_practitioners, remittances, settlements),
    statement_mappings,
)
