"""Payers, providers, patients and their cards, contracts, TUSS terms, eligibility checks."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.reference_tables import MYSQL
from app.db.types import UtcDateTime, ascii_text, identifier, long_text

revision = "b001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "patients",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("name", sa.String(length=70), nullable=False),
        sa.Column("cpf", ascii_text(11), nullable=True),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_patients"),
        **MYSQL,
    )
    steps.create_table(
        "payers",
        sa.Column("ans_code", ascii_text(6), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("submission_window_days", sa.Integer(), nullable=False),
        sa.Column("appeal_deadline_days", sa.Integer(), server_default="30", nullable=False),
        sa.Column("payment_term_days", sa.Integer(), nullable=False),
        sa.Column("is_answering", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("ans_code", name="pk_payers"),
        **MYSQL,
    )
    steps.create_table(
        "providers",
        sa.Column("cnes", ascii_text(7), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("tax_id", ascii_text(14), nullable=False),
        sa.Column("last_invoice_number", sa.Integer(), nullable=False),
        sa.Column("last_batch_number", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("cnes", name="pk_providers"),
        **MYSQL,
    )
    steps.create_table(
        "tuss_terms",
        sa.Column("code_system", ascii_text(2), nullable=False),
        sa.Column("code", ascii_text(10), nullable=False),
        sa.Column("term", long_text(), nullable=False),
        sa.Column("search_text", long_text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("code_system", "code", name="pk_tuss_terms"),
        **MYSQL,
    )
    steps.create_index("ix_tuss_terms_code", "tuss_terms", ["code"])
    steps.create_table(
        "contracts",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("provider_cnes", ascii_text(7), nullable=False),
        sa.Column("payer_ans", ascii_text(6), nullable=False),
        sa.Column("submission_window_days", sa.Integer(), nullable=False),
        sa.Column("appeal_deadline_days", sa.Integer(), nullable=False),
        sa.Column("payment_term_days", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_by", sa.String(length=120), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["payer_ans"], ["payers.ans_code"], name="fk_contracts_payer_ans"),
        sa.ForeignKeyConstraint(["provider_cnes"], ["providers.cnes"], name="fk_contracts_provider_cnes"),
        sa.PrimaryKeyConstraint("id", name="pk_contracts"),
        sa.UniqueConstraint("provider_cnes", "payer_ans", name="uq_contracts_provider_cnes_payer_ans"),
        **MYSQL,
    )
    steps.create_table(
        "coverages",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("patient_id", identifier(), nullable=False),
        sa.Column("payer_ans", ascii_text(6), nullable=False),
        sa.Column("plan_name", sa.String(length=80), nullable=False),
        sa.Column("card_number", ascii_text(20), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("card_valid_until", sa.Date(), nullable=True),
        sa.Column("waiting_until", sa.Date(), nullable=True),
        sa.Column("suspended_from", sa.Date(), nullable=True),
        sa.Column("suspended_until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name="fk_coverages_patient_id"),
        sa.ForeignKeyConstraint(["payer_ans"], ["payers.ans_code"], name="fk_coverages_payer_ans"),
        sa.PrimaryKeyConstraint("id", name="pk_coverages"),
        sa.UniqueConstraint("payer_ans", "card_number", name="uq_coverages_payer_ans_card_number"),
        **MYSQL,
    )
    steps.create_index("ix_coverages_patient_id", "coverages", ["patient_id"])
    steps.create_table(
        "eligibility_checks",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("payer_ans", ascii_text(6), nullable=False),
        sa.Column("provider_cnes", ascii_text(7), nullable=False),
        sa.Column("patient_id", identifier(), nullable=True),
        sa.Column("card_number", ascii_text(20), nullable=False),
        sa.Column("service_date", sa.Date(), nullable=False),
        sa.Column("code_system", ascii_text(2), nullable=True),
        sa.Column("procedure_code", ascii_text(10), nullable=True),
        sa.Column("outcome", ascii_text(24), nullable=False),
        sa.Column("reasons", sa.String(length=255), nullable=False),
        sa.Column("source", ascii_text(24), nullable=False),
        sa.Column("plan_name", sa.String(length=80), nullable=True),
        sa.Column("card_valid_until", sa.Date(), nullable=True),
        sa.Column("asked_payer_at", UtcDateTime(), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name="fk_eligibility_checks_patient_id"),
        sa.ForeignKeyConstraint(["payer_ans"], ["payers.ans_code"], name="fk_eligibility_checks_payer_ans"),
        sa.ForeignKeyConstraint(["provider_cnes"], ["providers.cnes"], name="fk_eligibility_checks_provider_cnes"),
        sa.PrimaryKeyConstraint("id", name="pk_eligibility_checks"),
        **MYSQL,
    )
    steps.create_index("ix_eligibility_checks_answered_at_id", "eligibility_checks", ["answered_at", "id"])
    steps.create_index(
        "ix_eligibility_checks_patient_id_answered_at_id", "eligibility_checks", ["patient_id", "answered_at", "id"]
    )
    steps.create_index(
        "ix_eligibility_checks_payer_ans_answered_at_id", "eligibility_checks", ["payer_ans", "answered_at", "id"]
    )
    steps.create_index(
        "ix_eligibility_checks_provider_cnes_answered_at_id",
        "eligibility_checks",
        ["provider_cnes", "answered_at", "id"],
    )
    steps.create_table(
        "contract_prices",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("contract_id", identifier(), nullable=False),
        sa.Column("code_system", ascii_text(2), nullable=False),
        sa.Column("code", ascii_text(10), nullable=False),
        sa.Column("unit_price_cents", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("quantity_max", sa.Integer(), nullable=True),
        sa.Column("needs_authorization", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["contract_id"], ["contracts.id"], name="fk_contract_prices_contract_id"),
        sa.PrimaryKeyConstraint("id", name="pk_contract_prices"),
        **MYSQL,
    )
    steps.create_index(
        "ix_contract_prices_contract_id_code_code_system", "contract_prices", ["contract_id", "code", "code_system"]
    )


def downgrade() -> None:
    for name in [
        "contract_prices",
        "eligibility_checks",
        "coverages",
        "contracts",
        "tuss_terms",
        "providers",
        "payers",
        "patients",
    ]:
        steps.drop_table(name)
