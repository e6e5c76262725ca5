"""Mappings of the columns of payers' spreadsheets."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.reference_tables import MYSQL
from app.db.types import UtcDateTime, ascii_text, identifier, long_text

revision = "b040"
down_revision = "b039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "statement_mappings",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("provider_cnes", ascii_text(7), nullable=False),
        sa.Column("payer_ans", ascii_text(6), nullable=False),
        sa.Column("header_digest", ascii_text(64), nullable=False),
        sa.Column("mapped_columns", long_text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=120), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_cnes"], ["providers.cnes"], name=steps.f("fk_statement_mappings_provider_cnes")
        ),
        sa.ForeignKeyConstraint(["payer_ans"], ["payers.ans_code"], name=steps.f("fk_statement_mappings_payer_ans")),
        sa.PrimaryKeyConstraint("id", name=steps.f("pk_statement_mappings")),
        sa.UniqueConstraint(
            "provider_cnes",
            "payer_ans",
            "header_digest",
            name=steps.f("uq_statement_mappings_provider_cnes_payer_ans_header_digest"),
        ),
        **MYSQL,
    )
    steps.create_index("ix_statement_mappings_provider_cnes_id", "statement_mappings", ["provider_cnes", "id"])
    steps.create_index("ix_statement_mappings_payer_ans_id", "statement_mappings", ["payer_ans", "id"])


def downgrade() -> None:
    steps.drop_table("statement_mappings")
