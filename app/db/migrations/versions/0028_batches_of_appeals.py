"""Batches of appeals: what they contain, their documents and their history."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.reference_tables import MYSQL
from app.db.types import UtcDateTime, ascii_text, identifier, long_bytes

revision = "b028"
down_revision = "b027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "appeal_batches",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("provider_cnes", ascii_text(7), nullable=False),
        sa.Column("payer_ans", ascii_text(6), nullable=False),
        sa.Column("contested_protocol", ascii_text(12), nullable=False),
        sa.Column("tiss_version", ascii_text(7), nullable=False),
        sa.Column("status", ascii_text(24), nullable=False),
        sa.Column("denial_count", sa.Integer(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("protocol_number", ascii_text(12), nullable=True),
        sa.Column("protocol_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["payer_ans"], ["payers.ans_code"], name=steps.f("fk_appeal_batches_payer_ans")),
        sa.ForeignKeyConstraint(["provider_cnes"], ["providers.cnes"], name=steps.f("fk_appeal_batches_provider_cnes")),
        sa.PrimaryKeyConstraint("id", name=steps.f("pk_appeal_batches")),
        sa.UniqueConstraint(
            "provider_cnes", "payer_ans", "number", name=steps.f("uq_appeal_batches_provider_cnes_payer_ans_number")
        ),
        **MYSQL,
    )
    steps.create_index(steps.f("ix_appeal_batches_created_at_id"), "appeal_batches", ["created_at", "id"])
    steps.create_index(
        steps.f("ix_appeal_batches_payer_ans_created_at_id"),
        "appeal_batches",
        ["payer_ans", "created_at", "id"],
    )
    steps.create_index(
        steps.f("ix_appeal_batches_provider_cnes_created_at_id"),
        "appeal_batches",
        ["provider_cnes", "created_at", "id"],
    )
    steps.create_index(
        steps.f("ix_appeal_batches_status_created_at_id"),
        "appeal_batches",
        ["status", "created_at", "id"],
    )
    steps.create_table(
        "appeal_batch_documents",
        sa.Column("batch_id", identifier(), nullable=False),
        sa.Column("file_name", ascii_text(60), nullable=False),
        sa.Column("hash", ascii_text(32), nullable=False),
        sa.Column("sha256", ascii_text(64), nullable=False),
        sa.Column(
            "content",
            long_bytes(),
            nullable=False,
        ),
        sa.Column("written_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["appeal_batches.id"], name=steps.f("fk_appeal_batch_documents_batch_id")
        ),
        sa.PrimaryKeyConstraint("batch_id", name=steps.f("pk_appeal_batch_documents")),
        **MYSQL,
    )
    steps.create_table(
        "appeal_batch_history",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("batch_id", identifier(), nullable=False),
        sa.Column("action", ascii_text(24), nullable=False),
        sa.Column("status", ascii_text(24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("denial_count", sa.Integer(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["appeal_batches.id"], name=steps.f("fk_appeal_batch_history_batch_id")),
        sa.PrimaryKeyConstraint("id", name=steps.f("pk_appeal_batch_history")),
        **MYSQL,
    )
    steps.create_index(steps.f("ix_appeal_batch_history_batch_id_id"), "appeal_batch_history", ["batch_id", "id"])
    steps.create_table(
        "appeal_batch_denials",
        sa.Column("batch_id", identifier(), nullable=False),
        sa.Column("denial_id", identifier(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("active_denial_id", identifier(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["appeal_batches.id"], name=steps.f("fk_appeal_batch_denials_batch_id")),
        sa.ForeignKeyConstraint(["denial_id"], ["denials.id"], name=steps.f("fk_appeal_batch_denials_denial_id")),
        sa.PrimaryKeyConstraint("batch_id", "denial_id", name=steps.f("pk_appeal_batch_denials")),
        sa.UniqueConstraint("active_denial_id", name=steps.f("uq_appeal_batch_denials_active_denial_id")),
        **MYSQL,
    )
    steps.create_index(steps.f("ix_appeal_batch_denials_denial_id"), "appeal_batch_denials", ["denial_id"])


def downgrade() -> None:
    steps.drop_table("appeal_batch_denials")
    steps.drop_table("appeal_batch_history")
    steps.drop_table("appeal_batch_documents")
    steps.drop_table("appeal_batches")
