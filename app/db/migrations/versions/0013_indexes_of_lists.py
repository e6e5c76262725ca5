"""An index for every filter and order of every list; some indexes get more columns, so that rows need not be read.

The new ones are there before the old ones go: the earlier release, which still runs, finds the same columns in front.
"""

from app.db import migration_steps as steps

revision = "b013"
down_revision = "b012"
branch_labels = None
depends_on = None

PARTIES = ["provider_cnes", "payer_ans"]
NEW = {
    "claims": {
        "ix_claims_created_at": ["created_at", "id", "status", "service_date", "submitted_at", *PARTIES],
        "ix_claims_service_date": ["service_date", "id", "status", "created_at", *PARTIES],
        "ix_claims_submitted_at": ["submitted_at", "id", "status", "created_at", "service_date", *PARTIES],
        "ix_claims_payer_claim_number_id": ["payer_claim_number", "id"],
        "ix_claims_provider_claim_number_id": ["provider_claim_number", "id"],
    },
    "denials": {
        "ix_denials_amount": ["amount_cents", "id", "claim_id"],
        "ix_denials_appeal_deadline": ["appeal_deadline", "id", "status", "created_at", "claim_id"],
        "ix_denials_created_at": ["created_at", "id", "status", "appeal_deadline", "claim_id"],
        "ix_denials_code_appeal_deadline": ["code", "appeal_deadline", "id", "claim_id"],
        "ix_denials_status": ["status", "appeal_deadline", "id", "claim_id"],
    },
    "invoices": {
        "ix_invoices_created_at": ["created_at", "id", "status", "due_date", *PARTIES],
        "ix_invoices_due_date": ["due_date", "id", "status", "created_at", *PARTIES],
        "ix_invoices_number_id": ["number", "id"],
    },
    "settlements": {
        "ix_settlements_amount_cents_id": ["amount_cents", "id"],
        "ix_settlements_created_at": ["created_at", "id", "paid_on", "method", *PARTIES],
        "ix_settlements_method_created_at_id": ["method", "created_at", "id"],
        "ix_settlements_paid_on": ["paid_on", "id", "created_at", "method", *PARTIES],
    },
    "remittances": {
        "ix_remittances_paid_on_id": ["paid_on", "id"],
        "ix_remittances_source_created_at_id": ["source", "created_at", "id"],
        "ix_remittances_statement_number_id": ["statement_number", "id"],
        "ix_remittances_status_created_at_id": ["status", "created_at", "id"],
    },
    "eligibility_checks": {
        "ix_eligibility_checks_answered_at": ["answered_at", "id", "service_date", "outcome", *PARTIES],
        "ix_eligibility_checks_outcome_answered_at_id": ["outcome", "answered_at", "id"],
        "ix_eligibility_checks_service_date": ["service_date", "id", "answered_at", "outcome", *PARTIES],
    },
    "emergency_accesses": {"ix_emergency_accesses_granted_at_id": ["granted_at", "id"]},
    "contracts": {
        "ix_contracts_payer_ans_provider_cnes_id": ["payer_ans", "provider_cnes", "id"],
        "ix_contracts_provider_cnes_id": ["provider_cnes", "id"],
    },
    "payers": {"ix_payers_name_ans_code": ["name", "ans_code"]},
    "providers": {"ix_providers_name_cnes": ["name", "cnes"]},
}
OLD = {
    "claims": {
        "ix_claims_created_at_id": ["created_at", "id"],
        "ix_claims_service_date_id": ["service_date", "id"],
        "ix_claims_submitted_at_id": ["submitted_at", "id"],
    },
    "denials": {
        "ix_denials_code": ["code"],
        "ix_denials_status_appeal_deadline_id": ["status", "appeal_deadline", "id"],
    },
    "invoices": {
        "ix_invoices_created_at_id": ["created_at", "id"],
        "ix_invoices_due_date_id": ["due_date", "id"],
    },
    "settlements": {"ix_settlements_created_at_id": ["created_at", "id"]},
    "eligibility_checks": {"ix_eligibility_checks_answered_at_id": ["answered_at", "id"]},
}


def _create(indexes: dict[str, dict[str, list[str]]]) -> None:
    for table, named in indexes.items():
        for name, columns in named.items():
            steps.create_index(name, table, columns)


def _drop(indexes: dict[str, dict[str, list[str]]]) -> None:
    for table, named in indexes.items():
        for name in named:
            steps.drop_index(name, table_name=table)


def upgrade() -> None:
    _create(NEW)
    _drop(OLD)


def downgrade() -> None:
    _create(OLD)
    _drop(NEW)
