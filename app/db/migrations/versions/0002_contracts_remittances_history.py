"""Contracts, remittances, history, and which settlement pays which line."""

import sqlalchemy as sa
from alembic import op

from app.db.types import UtcDateTime, ascii_text, long_text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contracts",
        sa.Column("id", ascii_text(30), nullable=False),
        sa.Column("provider_cnes", ascii_text(7), nullable=False),
        sa.Column("payer_ans", ascii_text(6), nullable=False),
        sa.Column("submission_window_days", sa.Integer(), nullable=False),
        sa.Column("appeal_deadline_days", sa.Integer(), nullable=False),
        sa.Column("payment_term_days", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_by", sa.String(length=120), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["payer_ans"], ["payers.ans_code"], name=op.f("fk_contracts_payer_ans")),
        sa.ForeignKeyConstraint(["provider_cnes"], ["providers.cnes"], name=op.f("fk_contracts_provider_cnes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contracts")),
        sa.UniqueConstraint("provider_cnes", "payer_ans", name=op.f("uq_contracts_provider_cnes_payer_ans")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "remittances",
        sa.Column("id", ascii_text(30), nullable=False),
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
        sa.ForeignKeyConstraint(["payer_ans"], ["payers.ans_code"], name=op.f("fk_remittances_payer_ans")),
        sa.ForeignKeyConstraint(["provider_cnes"], ["providers.cnes"], name=op.f("fk_remittances_provider_cnes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remittances")),
        sa.UniqueConstraint(
            "payer_ans",
            "provider_cnes",
            "statement_number",
            name=op.f("uq_remittances_payer_ans_provider_cnes_statement_number"),
        ),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(op.f("ix_remittances_created_at_id"), "remittances", ["created_at", "id"], unique=False)
    op.create_index(
        op.f("ix_remittances_payer_ans_created_at_id"), "remittances", ["payer_ans", "created_at", "id"], unique=False
    )
    op.create_index(
        op.f("ix_remittances_provider_cnes_created_at_id"),
        "remittances",
        ["provider_cnes", "created_at", "id"],
        unique=False,
    )

    op.create_table(
        "contract_prices",
        sa.Column("id", ascii_text(30), nullable=False),
        sa.Column("contract_id", ascii_text(30), nullable=False),
        sa.Column("table_code", ascii_text(2), nullable=False),
        sa.Column("code", ascii_text(10), nullable=False),
        sa.Column("unit_price_cents", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("quantity_max", sa.Integer(), nullable=True),
        sa.Column("needs_authorization", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["contract_id"], ["contracts.id"], name=op.f("fk_contract_prices_contract_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contract_prices")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(
        op.f("ix_contract_prices_contract_id_code_table_code"),
        "contract_prices",
        ["contract_id", "code", "table_code"],
        unique=False,
    )

    op.create_table(
        "invoice_history",
        sa.Column("id", ascii_text(30), nullable=False),
        sa.Column("invoice_id", ascii_text(30), nullable=False),
        sa.Column("action", ascii_text(24), nullable=False),
        sa.Column("status", ascii_text(24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("settlement_id", ascii_text(30), nullable=True),
        sa.Column("line_id", ascii_text(30), nullable=True),
        sa.Column("amount_cents", sa.BigInteger(), nullable=True),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("settled_cents", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_invoice_history_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_history")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(op.f("ix_invoice_history_invoice_id_id"), "invoice_history", ["invoice_id", "id"], unique=False)

    op.create_table(
        "remittance_lines",
        sa.Column("id", ascii_text(30), nullable=False),
        sa.Column("remittance_id", ascii_text(30), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("provider_claim_number", ascii_text(20), nullable=True),
        sa.Column("payer_claim_number", ascii_text(20), nullable=True),
        sa.Column("item_sequence", sa.Integer(), nullable=True),
        sa.Column("item_code", ascii_text(10), nullable=True),
        sa.Column("paid_cents", sa.BigInteger(), nullable=False),
        sa.Column("denials", long_text(), nullable=False),
        sa.Column("status", ascii_text(24), nullable=False),
        sa.Column("problem", ascii_text(24), nullable=True),
        sa.Column("claim_id", ascii_text(30), nullable=True),
        sa.Column("matched_by", sa.String(length=120), nullable=True),
        sa.Column("posted_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.id"], name=op.f("fk_remittance_lines_claim_id")),
        sa.ForeignKeyConstraint(["remittance_id"], ["remittances.id"], name=op.f("fk_remittance_lines_remittance_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remittance_lines")),
        sa.UniqueConstraint("remittance_id", "sequence", name=op.f("uq_remittance_lines_remittance_id_sequence")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(op.f("ix_remittance_lines_claim_id"), "remittance_lines", ["claim_id"], unique=False)
    op.create_index(op.f("ix_remittance_lines_status_id"), "remittance_lines", ["status", "id"], unique=False)

    op.create_table(
        "claim_history",
        sa.Column("id", ascii_text(30), nullable=False),
        sa.Column("claim_id", ascii_text(30), nullable=False),
        sa.Column("action", ascii_text(24), nullable=True),
        sa.Column("status", ascii_text(24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("glosa_id", ascii_text(30), nullable=True),
        sa.Column("glosa_action", ascii_text(24), nullable=True),
        sa.Column("glosa_status", ascii_text(24), nullable=True),
        sa.Column("amount_cents", sa.BigInteger(), nullable=True),
        sa.Column("claimed_cents", sa.BigInteger(), nullable=False),
        sa.Column("processed_cents", sa.BigInteger(), nullable=True),
        sa.Column("approved_cents", sa.BigInteger(), nullable=True),
        sa.Column("denied_cents", sa.BigInteger(), nullable=True),
        sa.Column("payer_claim_number", ascii_text(20), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.id"], name=op.f("fk_claim_history_claim_id")),
        sa.ForeignKeyConstraint(["glosa_id"], ["glosas.id"], name=op.f("fk_claim_history_glosa_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_history")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(op.f("ix_claim_history_claim_id_id"), "claim_history", ["claim_id", "id"], unique=False)
    op.create_index(op.f("ix_claim_history_glosa_id"), "claim_history", ["glosa_id"], unique=False)

    op.create_table(
        "allocations",
        sa.Column("id", ascii_text(30), nullable=False),
        sa.Column("settlement_id", ascii_text(30), nullable=False),
        sa.Column("line_id", ascii_text(30), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["line_id"], ["invoice_lines.id"], name=op.f("fk_allocations_line_id")),
        sa.ForeignKeyConstraint(["settlement_id"], ["settlements.id"], name=op.f("fk_allocations_settlement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allocations")),
        sa.UniqueConstraint("settlement_id", "line_id", name=op.f("uq_allocations_settlement_id_line_id")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_index(op.f("ix_allocations_line_id"), "allocations", ["line_id"], unique=False)


def downgrade() -> None:

    op.drop_table("allocations")

    op.drop_table("claim_history")

    op.drop_table("remittance_lines")

    op.drop_table("invoice_history")

    op.drop_table("contract_prices")

    op.drop_table("remittances")
    op.drop_table("contracts")
