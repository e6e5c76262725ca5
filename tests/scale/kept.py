"""Indexes that no page of a list would miss, and what they are there for."""

from typing import Final

UNIQUE: Final = (
    *("ix_claims_number", "ix_documents_same", "ix_emergency_accesses_actor_serial", "ix_patients_registered_cpf"),
    *("ix_remittances_document", "ix_remittances_number", "uq_allocations_settlement_id_line_id"),
    *("uq_appeal_batch_denials_active_denial_id", "uq_appeal_batches_provider_cnes_payer_ans_number"),
    *("uq_bank_entries_provider_cnes_identity", "uq_bank_files_provider_cnes_digest"),
    *("uq_batch_claims_active_claim_id", "uq_batches_provider_cnes_payer_ans_number"),
    "uq_claim_items_claim_id_sequence",
    *("uq_contracts_provider_cnes_payer_ans", "uq_coverages_payer_ans_card_number"),
    *("uq_dead_statements_topic_topic_partition_first_offset", "uq_invoices_provider_cnes_number"),
    *("uq_outbox_event_id", "uq_outbox_position", "uq_practitioners_provider_cnes_council_number_state"),
    *("uq_remittance_lines_remittance_id_sequence", "uq_settlement_deductions_settlement_id_kind"),
    "uq_statement_mappings_provider_cnes_payer_ans_header_digest",
)
"""Nothing is there twice."""
OF_OBJECTS: Final = (
    *("ix_adjustment_history_adjustment_id_id", "ix_appeal_batch_history_batch_id_id"),
    *("ix_batch_history_batch_id_id", "ix_claim_history_claim_id_id", "ix_claim_history_denial_id"),
    *("ix_invoice_history_invoice_id_id", "ix_party_history_party_id_id", "ix_remittance_line_history_line_id_id"),
    *("ix_allocations_line_id", "ix_appeal_attachments_denial_id_id", "ix_appeal_attachments_document_id"),
    *("ix_appeal_batch_denials_denial_id", "ix_bank_entries_match_id", "ix_bank_matches_match_id"),
    *("ix_bank_matches_remittance_id", "ix_batch_claims_claim_id", "ix_coverages_patient_id", "ix_denials_item_id"),
    *("ix_import_jobs_document_id", "ix_invoice_lines_claim_id", "ix_invoice_lines_denial_id"),
    *("ix_patients_merged_into_id", "ix_remittance_adjustments_line_id", "ix_remittance_lines_claim_id"),
    *("ix_remittance_lines_remittance_id_status_sequence", "ix_remittance_lines_split_from_id"),
    *("ix_settlement_deductions_remittance_id", "ix_settlements_reverses_id", "ix_unapplied_credit_moves_credit_id_id"),
    *("ix_unapplied_credit_moves_settlement_id", "ix_unapplied_credits_adjustment_id", "ix_unapplied_credits_line_id"),
    *("ix_unapplied_credits_remittance_id", "fk_bank_entries_file_id", "fk_emergency_accesses_patient_id"),
)
"""What belongs to an object is read by its id: relations, history, and the checks of foreign keys."""
LOOKED_UP: Final = (
    # By the statements' lines for their claims, and by claims for the lines that wait for them.
    *("ix_claims_authorization_number", "ix_remittance_lines_authorization_number_status"),
    *("ix_remittance_lines_payer_claim_number_status", "ix_remittance_lines_provider_claim_number_status"),
    *("ix_remittance_lines_protocol_number", "ix_settlements_statement_number_id"),
    # By claims for the terms of their items.
    "ix_tuss_terms_code",
    # By callers for their own emergency accesses and imports.
    *("ix_emergency_accesses_actor_expires_at", "ix_import_jobs_created_by_status"),
    # By a data scope for its patients.
    "ix_patient_registrations_provider_cnes_patient_id",
)
"""Services find what they need by it."""
AT_WORK: Final = (
    *("ix_access_log_sealed_position_entry_id", "ix_dead_statements_resolved_at_id", "ix_document_uploads_started_at"),
    *("ix_documents_unused_since", "ix_idempotency_keys_created_at", "ix_import_jobs_status_id"),
    *("ix_outbox_aggregate_id", "ix_outbox_parked_at", "ix_outbox_published_at_position"),
    "ix_remittance_postings_ended_at_remittance_id",
)
"""The gateway's own tasks find what is next, or too old."""
SUMS: Final = (
    *("ix_invoice_lines_kind_created_at", "ix_settlement_deductions_payer_ans_paid_on"),
    *("ix_settlement_deductions_provider_cnes_paid_on", "ix_bank_entries_direction_booked_on_id"),
)
"""Sums of a period, and counts."""
NOT_LONG: Final = (
    *("ix_appeal_templates_code_id", "ix_appeal_templates_provider_cnes_code_id", "ix_practitioners_name_id"),
    *("ix_contracts_payer_ans_provider_cnes_id", "ix_contracts_provider_cnes_id", "ix_payers_name_ans_code"),
    *("ix_providers_name_cnes", "ix_statement_mappings_payer_ans_id", "ix_statement_mappings_provider_cnes_id"),
)
"""Lists of tables that do not grow with the claims."""
KEPT: Final = frozenset([*UNIQUE, *OF_OBJECTS, *LOOKED_UP, *AT_WORK, *SUMS, *NOT_LONG])
