"""Appeals on glosas, adjustments on invoices, claims that replace claims."""

import sqlalchemy as sa
from alembic import op

from app.db.types import UtcDateTime, ascii_text, long_text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.add_column(sa.Column("replaces_id", ascii_text(30), nullable=True))
        batch_op.add_column(sa.Column("warnings", long_text(), nullable=True))
        batch_op.add_column(sa.Column("attendance", long_text(), nullable=True))
        batch_op.create_index(batch_op.f("ix_claims_replaces_id"), ["replaces_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_claims_replaces_id"), "claims", ["replaces_id"], ["id"])

    with op.batch_alter_table("glosas", schema=None) as batch_op:
        batch_op.add_column(sa.Column("appeal_deadline", sa.Date(), server_default="2099-12-31", nullable=False))
        batch_op.add_column(sa.Column("appealed_cents", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("justification", sa.String(length=500), nullable=True))
        batch_op.add_column(sa.Column("appealed_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("answered_cents", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("payer_justification", sa.String(length=500), nullable=True))
        batch_op.add_column(sa.Column("answered_at", UtcDateTime(), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_glosas_status_appeal_deadline_id"), ["status", "appeal_deadline", "id"], unique=False
        )

    with op.batch_alter_table("invoice_lines", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", ascii_text(24), server_default="CLAIM", nullable=False))
        batch_op.add_column(sa.Column("glosa_id", ascii_text(30), nullable=True))
        batch_op.add_column(sa.Column("billed_glosa_id", ascii_text(30), nullable=True))
        batch_op.add_column(sa.Column("debited_cents", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("settled_cents", sa.BigInteger(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("reason", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("created_at", UtcDateTime(), nullable=True))
        batch_op.alter_column("claim_id", existing_type=ascii_text(30), nullable=True)
        batch_op.create_index(batch_op.f("ix_invoice_lines_glosa_id"), ["glosa_id"], unique=False)
        batch_op.create_unique_constraint(batch_op.f("uq_invoice_lines_billed_glosa_id"), ["billed_glosa_id"])
        batch_op.create_foreign_key(batch_op.f("fk_invoice_lines_glosa_id"), "glosas", ["glosa_id"], ["id"])

    with op.batch_alter_table("payers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("appeal_deadline_days", sa.Integer(), server_default="30", nullable=False))

    with op.batch_alter_table("providers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("last_batch_number", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("providers", schema=None) as batch_op:
        batch_op.drop_column("last_batch_number")

    with op.batch_alter_table("payers", schema=None) as batch_op:
        batch_op.drop_column("appeal_deadline_days")

    with op.batch_alter_table("invoice_lines", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_invoice_lines_glosa_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("uq_invoice_lines_billed_glosa_id"), type_="unique")
        batch_op.drop_index(batch_op.f("ix_invoice_lines_glosa_id"))
        batch_op.alter_column("claim_id", existing_type=ascii_text(30), nullable=False)
        batch_op.drop_column("created_at")
        batch_op.drop_column("reason")
        batch_op.drop_column("settled_cents")
        batch_op.drop_column("debited_cents")
        batch_op.drop_column("billed_glosa_id")
        batch_op.drop_column("glosa_id")
        batch_op.drop_column("kind")

    with op.batch_alter_table("glosas", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_glosas_status_appeal_deadline_id"))
        batch_op.drop_column("answered_at")
        batch_op.drop_column("payer_justification")
        batch_op.drop_column("answered_cents")
        batch_op.drop_column("appealed_at")
        batch_op.drop_column("justification")
        batch_op.drop_column("appealed_cents")
        batch_op.drop_column("appeal_deadline")

    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_claims_replaces_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_claims_replaces_id"))
        batch_op.drop_column("attendance")
        batch_op.drop_column("warnings")
        batch_op.drop_column("replaces_id")
