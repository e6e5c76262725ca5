"""The books by month, provider and payer, as they were last added up."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.reference_tables import MYSQL
from app.db.types import UtcDateTime, ascii_text

revision = "b033"
down_revision = "b032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    parts = ("billed", "paid", "in_dispute", "lost", "awaiting", "withheld", "underpaid")
    steps.create_table(
        "book_sums",
        sa.Column("month", ascii_text(6), nullable=False),
        sa.Column("provider_cnes", ascii_text(7), nullable=False),
        sa.Column("payer_ans", ascii_text(6), nullable=False),
        *(sa.Column(f"{part}_cents", sa.BigInteger(), nullable=False) for part in parts),
        sa.PrimaryKeyConstraint("month", "provider_cnes", "payer_ans", name=steps.f("pk_book_sums")),
        **MYSQL,
    )
    steps.create_table(
        "book_months",
        sa.Column("month", ascii_text(6), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=False),
        sa.Column("proven_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("month", name=steps.f("pk_book_months")),
        **MYSQL,
    )
    steps.create_index(
        steps.f("ix_invoice_lines_kind_created_at"), "invoice_lines", ["kind", "created_at"], unique=False
    )


def downgrade() -> None:
    steps.drop_index(steps.f("ix_invoice_lines_kind_created_at"), table_name="invoice_lines")
    steps.drop_table("book_months")
    steps.drop_table("book_sums")
