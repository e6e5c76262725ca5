"""Claims, denials, invoices, settlements, remittances, and their history."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.reference_tables import MYSQL
from app.db.types import UtcDateTime, ascii_text, identifier, long_text

revision = "b002"
down_revision = "b001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "claims",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("type", ascii_text(24), nullable=False),
        sa.Column("status", ascii_text(24), nullable=False),
        sa.Column("provider_cnes", ascii_text(7), nullable=False),
        sa.Column("payer_ans", ascii_text(6), nullable=False),
        sa.Column("patient_id", identifier(), nullable=False),
        sa.Column("provider_claim_number", ascii_text(20), nullable=False),
        sa.Column("payer_claim_number", ascii_text(20), nullable=True),
        sa.Column("card_number", ascii_text(20), nullable=False),
        sa.Column("practitioner_name", sa.String(length=70), nullable=True),
        sa.Column("practitioner_council", ascii_text(2), nullable=True),
        sa.Column("practitioner_number", ascii_text(15), nullable=True),
        sa.Column("practitioner_state", ascii_text(2), nullable=True),
        sa.Column("practitioner_cbo", ascii_text(6), nullable=True),
        sa.Column("authorization_number", ascii_text(20), nullable=True),
        sa.Column("authorization_date", sa.Date(), nullable=True),
        sa.Column("authorization_valid_until", sa.Date(), nullable=True),
        sa.Column("service_date", sa.Date(), nullable=False),
        sa.Column("clinical_indication", sa.String(length=500), nullable=True),
        sa.Column("diagnosis_codes", sa.String(length=255), nullable=False),
        sa.Column("claimed_cents", sa.BigInteger(), nullable=False),
        sa.Column("processed_cents", sa.BigInteger(), nullable=True),
        sa.Column("approved_cents", sa.BigInteger(), nullable=True),
        sa.Column("denied_cents", sa.BigInteger(), nullable=True),
        sa.Column("replaces_id", identifier(), nullable=True),
        sa.Column("warnings", long_text(), nullable=True),
        sa.Column("encounter", long_text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("submitted_at", UtcDateTime(), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name="fk_claims_patient_id"),
        sa.ForeignKeyConstraint(["payer_ans"], ["payers.ans_code"], name="fk_claims_payer_ans"),
        sa.ForeignKeyConstraint(["provider_cnes"], ["providers.cnes"], name="fk_claims_provider_cnes"),
        sa.ForeignKeyConstraint(["replaces_id"], ["claims.id"], name="fk_claims_replaces_id"),
        sa.PrimaryKeyConstraint("id", name="pk_claims"),
        sa.UniqueConstraint("provider_cnes", "payer_ans", "provider_claim_number", name="uq_claims_number"),
        **MYSQL,
    )
    steps.create_index("ix_claims_claimed_cents_id", "claims", ["claimed_cents", "id"])
    steps.create_index("ix_claims_created_at_id", "claims", ["created_at", "id"])
    steps.create_index("ix_claims_patient_id_created_at_id", "claims", ["patient_id", "created_at", "id"])
    steps.create_index("ix_claims_payer_ans_created_at_id", "claims", ["payer_ans", "created_at", "id"])
    steps.create_index("ix_claims_provider_cnes_created_at_id", "claims", ["provider_cnes", "created_at", "id"])
    steps.create_index("ix_claims_replaces_id", "claims", ["replaces_id"])
    steps.create_index("ix_claims_service_date_id", "claims", ["service_date", "id"])
    steps.create_index("ix_claims_status_created_at_id", "claims", ["status", "created_at", "id"])
    steps.create_index("ix_claims_submitted_at_id", "claims", ["submitted_at", "id"])
    steps.create_index("ix_claims_type_created_at_id", "claims", ["type", "created_at", "id"])
    steps.create_table(
        "invoices",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("provider_cnes", ascii_text(7), nullable=False),
        sa.Column("payer_ans", ascii_text(6), nullable=False),
        sa.Column("billing_month", ascii_text(6), nullable=False),
        sa.Column("status", ascii_text(24), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("settled_cents", sa.BigInteger(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["payer_ans"], ["payers.ans_code"], name="fk_invoices_payer_ans"),
        sa.ForeignKeyConstraint(["provider_cnes"], ["providers.cnes"], name="fk_invoices_provider_cnes"),
        sa.PrimaryKeyConstraint("id", name="pk_invoices"),
        sa.UniqueConstraint("provider_cnes", "number", name="uq_invoices_provider_cnes_number"),
        **MYSQL,
    )
    steps.create_index("ix_invoices_billing_month_created_at_id", "invoices", ["billing_month", "created_at", "id"])
    steps.create_index("ix_invoices_created_at_id", "invoices", ["created_at", "id"])
    steps.create_index("ix_invoices_due_date_id", "invoices", ["due_date", "id"])
    steps.create_index("ix_invoices_payer_ans_created_at_id", "invoices", ["payer_ans", "created_at", "id"])
    steps.create_index("ix_invoices_provider_cnes_created_at_id", "invoices", ["provider_cnes", "created_at", "id"])
    steps.create_index("ix_invoices_status_created_at_id", "invoices", ["status", "created_at", "id"])
    steps.create_index("ix_invoices_total_cents_id", "invoices", ["total_cents", "id"])
    steps.create_table(
        "remittances",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("payer_ans", ascii_text(6), nullable=False),
        sa.Column("provider_cnes", ascii_text(7), nullable=False),
        sa.Column("statement_number", ascii_text(20), nullable=False),
        sa.Column("source", ascii_text(24), nullable=False),
        sa.Column("status", ascii_text(24), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("method", ascii_text(24), nullable=False),
        sa.Column("bank_reference", sa.String(length=60), nullable=True),
        sa.Column("paid_cents", sa.BigInteger(), nullable=False),
        sa.Column("denied_cents", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", ascii_text(64), nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("posted_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["payer_ans"], ["payers.ans_code"], name="fk_remittances_payer_ans"),
        sa.ForeignKeyConstraint(["provider_cnes"], ["providers.cnes"], name="fk_remittances_provider_cnes"),
        sa.PrimaryKeyConstraint("id", name="pk_remittances"),
        sa.UniqueConstraint(
            "payer_ans",
            "provider_cnes",
            "statement_number",
            name="uq_remittances_payer_ans_provider_cnes_statement_number",
        ),
        **MYSQL,
    )
    steps.create_index("ix_remittances_created_at_id", "remittances", ["created_at", "id"])
    steps.create_index("ix_remittances_payer_ans_created_at_id", "remittances", ["payer_ans", "created_at", "id"])
    steps.create_index(
        "ix_remittances_provider_cnes_created_at_id", "remittances", ["provider_cnes", "created_at", "id"]
    )
    steps.create_table(
        "claim_items",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("claim_id", identifier(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("code_system", ascii_text(2), nullable=False),
        sa.Column("code", ascii_text(10), nullable=False),
        sa.Column("description", sa.String(length=150), nullable=False),
        sa.Column("performed_on", sa.Date(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price_cents", sa.BigInteger(), nullable=False),
        sa.Column("factor", sa.Integer(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("processed_cents", sa.BigInteger(), nullable=True),
        sa.Column("approved_cents", sa.BigInteger(), nullable=True),
        sa.Column("denied_cents", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.id"], name="fk_claim_items_claim_id"),
        sa.PrimaryKeyConstraint("id", name="pk_claim_items"),
        sa.UniqueConstraint("claim_id", "sequence", name="uq_claim_items_claim_id_sequence"),
        **MYSQL,
    )
    steps.create_table(
        "invoice_history",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("invoice_id", identifier(), nullable=False),
        sa.Column("action", ascii_text(24), nullable=False),
        sa.Column("status", ascii_text(24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("settlement_id", identifier(), nullable=True),
        sa.Column("line_id", identifier(), nullable=True),
        sa.Column("amount_cents", sa.BigInteger(), nullable=True),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("settled_cents", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name="fk_invoice_history_invoice_id"),
        sa.PrimaryKeyConstraint("id", name="pk_invoice_history"),
        **MYSQL,
    )
    steps.create_index("ix_invoice_history_invoice_id_id", "invoice_history", ["invoice_id", "id"])
    steps.create_table(
        "remittance_lines",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("remittance_id", identifier(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("provider_claim_number", ascii_text(20), nullable=True),
        sa.Column("payer_claim_number", ascii_text(20), nullable=True),
        sa.Column("item_sequence", sa.Integer(), nullable=True),
        sa.Column("item_code", ascii_text(10), nullable=True),
        sa.Column("paid_cents", sa.BigInteger(), nullable=False),
        sa.Column("denials", long_text(), nullable=False),
        sa.Column("status", ascii_text(24), nullable=False),
        sa.Column("problem", ascii_text(24), nullable=True),
        sa.Column("claim_id", identifier(), nullable=True),
        sa.Column("matched_by", sa.String(length=120), nullable=True),
        sa.Column("posted_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.id"], name="fk_remittance_lines_claim_id"),
        sa.ForeignKeyConstraint(["remittance_id"], ["remittances.id"], name="fk_remittance_lines_remittance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_remittance_lines"),
        sa.UniqueConstraint("remittance_id", "sequence", name="uq_remittance_lines_remittance_id_sequence"),
        **MYSQL,
    )
    steps.create_index("ix_remittance_lines_claim_id", "remittance_lines", ["claim_id"])
    steps.create_index("ix_remittance_lines_status_id", "remittance_lines", ["status", "id"])
    steps.create_table(
        "settlements",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("invoice_id", identifier(), nullable=False),
        sa.Column("provider_cnes", ascii_text(7), nullable=False),
        sa.Column("payer_ans", ascii_text(6), nullable=False),
        sa.Column("reverses_id", identifier(), nullable=True),
        sa.Column("status", ascii_text(24), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("method", ascii_text(24), nullable=False),
        sa.Column("bank_reference", sa.String(length=60), nullable=True),
        sa.Column("statement_number", ascii_text(20), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("event_id", identifier(), nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name="fk_settlements_invoice_id"),
        sa.ForeignKeyConstraint(["payer_ans"], ["payers.ans_code"], name="fk_settlements_payer_ans"),
        sa.ForeignKeyConstraint(["provider_cnes"], ["providers.cnes"], name="fk_settlements_provider_cnes"),
        sa.ForeignKeyConstraint(["reverses_id"], ["settlements.id"], name="fk_settlements_reverses_id"),
        sa.PrimaryKeyConstraint("id", name="pk_settlements"),
        **MYSQL,
    )
    steps.create_index("ix_settlements_created_at_id", "settlements", ["created_at", "id"])
    steps.create_index("ix_settlements_invoice_id_id", "settlements", ["invoice_id", "id"])
    steps.create_index("ix_settlements_payer_ans_created_at_id", "settlements", ["payer_ans", "created_at", "id"])
    steps.create_index(
        "ix_settlements_provider_cnes_created_at_id", "settlements", ["provider_cnes", "created_at", "id"]
    )
    steps.create_index("ix_settlements_reverses_id", "settlements", ["reverses_id"])
    steps.create_table(
        "denials",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("claim_id", identifier(), nullable=False),
        sa.Column("item_id", identifier(), nullable=False),
        sa.Column("code", ascii_text(4), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("status", ascii_text(24), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("appeal_deadline", sa.Date(), server_default="2099-12-31", nullable=False),
        sa.Column("appealed_cents", sa.BigInteger(), nullable=True),
        sa.Column("justification", sa.String(length=500), nullable=True),
        sa.Column("appealed_at", UtcDateTime(), nullable=True),
        sa.Column("answered_cents", sa.BigInteger(), nullable=True),
        sa.Column("payer_justification", sa.String(length=500), nullable=True),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.id"], name="fk_denials_claim_id"),
        sa.ForeignKeyConstraint(["item_id"], ["claim_items.id"], name="fk_denials_item_id"),
        sa.PrimaryKeyConstraint("id", name="pk_denials"),
        **MYSQL,
    )
    steps.create_index("ix_denials_claim_id_status", "denials", ["claim_id", "status"])
    steps.create_index("ix_denials_code", "denials", ["code"])
    steps.create_index("ix_denials_item_id", "denials", ["item_id"])
    steps.create_index("ix_denials_status_appeal_deadline_id", "denials", ["status", "appeal_deadline", "id"])
    steps.create_table(
        "claim_history",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("claim_id", identifier(), nullable=False),
        sa.Column("action", ascii_text(24), nullable=True),
        sa.Column("status", ascii_text(24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("denial_id", identifier(), nullable=True),
        sa.Column("denial_action", ascii_text(24), nullable=True),
        sa.Column("denial_status", ascii_text(24), nullable=True),
        sa.Column("amount_cents", sa.BigInteger(), nullable=True),
        sa.Column("claimed_cents", sa.BigInteger(), nullable=False),
        sa.Column("processed_cents", sa.BigInteger(), nullable=True),
        sa.Column("approved_cents", sa.BigInteger(), nullable=True),
        sa.Column("denied_cents", sa.BigInteger(), nullable=True),
        sa.Column("payer_claim_number", ascii_text(20), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.id"], name="fk_claim_history_claim_id"),
        sa.ForeignKeyConstraint(["denial_id"], ["denials.id"], name="fk_claim_history_denial_id"),
        sa.PrimaryKeyConstraint("id", name="pk_claim_history"),
        **MYSQL,
    )
    steps.create_index("ix_claim_history_claim_id_id", "claim_history", ["claim_id", "id"])
    steps.create_index("ix_claim_history_denial_id", "claim_history", ["denial_id"])
    steps.create_table(
        "invoice_lines",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("invoice_id", identifier(), nullable=False),
        sa.Column("kind", ascii_text(24), server_default="CLAIM", nullable=False),
        sa.Column("claim_id", identifier(), nullable=True),
        sa.Column("denial_id", identifier(), nullable=True),
        sa.Column("billed_claim_id", identifier(), nullable=True),
        sa.Column("billed_denial_id", identifier(), nullable=True),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("debited_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("settled_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.id"], name="fk_invoice_lines_claim_id"),
        sa.ForeignKeyConstraint(["denial_id"], ["denials.id"], name="fk_invoice_lines_denial_id"),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name="fk_invoice_lines_invoice_id"),
        sa.PrimaryKeyConstraint("id", name="pk_invoice_lines"),
        sa.UniqueConstraint("billed_claim_id", name="uq_invoice_lines_billed_claim_id"),
        sa.UniqueConstraint("billed_denial_id", name="uq_invoice_lines_billed_denial_id"),
        **MYSQL,
    )
    steps.create_index("ix_invoice_lines_claim_id", "invoice_lines", ["claim_id"])
    steps.create_index("ix_invoice_lines_denial_id", "invoice_lines", ["denial_id"])
    steps.create_index("ix_invoice_lines_invoice_id", "invoice_lines", ["invoice_id"])
    steps.create_table(
        "allocations",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("settlement_id", identifier(), nullable=False),
        sa.Column("line_id", identifier(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["line_id"], ["invoice_lines.id"], name="fk_allocations_line_id"),
        sa.ForeignKeyConstraint(["settlement_id"], ["settlements.id"], name="fk_allocations_settlement_id"),
        sa.PrimaryKeyConstraint("id", name="pk_allocations"),
        sa.UniqueConstraint("settlement_id", "line_id", name="uq_allocations_settlement_id_line_id"),
        **MYSQL,
    )
    steps.create_index("ix_allocations_line_id", "allocations", ["line_id"])


def downgrade() -> None:
    for name in [
        "allocations",
        "invoice_lines",
        "claim_history",
        "denials",
        "settlements",
        "remittance_lines",
        "invoice_history",
        "claim_items",
        "remittances",
        "invoices",
        "claims",
    ]:
        steps.drop_table(name)
