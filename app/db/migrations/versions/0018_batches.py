"""Batches (lotes de guias): the claims sent together, the document that was sent, and the history of each."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.reference_tables import MYSQL
from app.db.types import UtcDateTime, ascii_text, identifier, long_bytes

revision = "b018"
down_revision = "b017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "batches",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("provider_cnes", ascii_text(7), nullable=False),
        sa.Column("payer_ans", ascii_text(6), nullable=False),
        sa.Column("type", ascii_text(24), nullable=False),
        sa.Column("tiss_version", ascii_text(7), nullable=False),
        sa.Column("status", ascii_text(24), nullable=False),
        sa.Column("guide_count", sa.Integer(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("protocol_number", ascii_text(12), nullable=True),
        sa.Column("protocol_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["payer_ans"], ["payers.ans_code"], name="fk_batches_payer_ans"),
        sa.ForeignKeyConstraint(["provider_cnes"], ["providers.cnes"], name="fk_batches_provider_cnes"),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
        sa.UniqueConstraint("provider_cnes", "payer_ans", "number", name="uq_batches_provider_cnes_payer_ans_number"),
        **MYSQL,
    )
    steps.create_index("ix_batches_created_at_id", "batches", ["created_at", "id"])
    steps.create_index("ix_batches_number_id", "batches", ["number", "id"])
    steps.create_index("ix_batches_payer_ans_created_at_id", "batches", ["payer_ans", "created_at", "id"])
    steps.create_index("ix_batches_protocol_number_id", "batches", ["protocol_number", "id"])
    steps.create_index("ix_batches_provider_cnes_created_at_id", "batches", ["provider_cnes", "created_at", "id"])
    steps.create_index("ix_batches_status_created_at_id", "batches", ["status", "created_at", "id"])
    steps.create_index("ix_batches_type_created_at_id", "batches", ["type", "created_at", "id"])
    steps.create_table(
        "batch_claims",
        sa.Column("batch_id", identifier(), nullable=False),
        sa.Column("claim_id", identifier(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("active_claim_id", identifier(), nullable=True),
        sa.Column("refusal_code", ascii_text(4), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_batch_claims_batch_id"),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.id"], name="fk_batch_claims_claim_id"),
        sa.PrimaryKeyConstraint("batch_id", "claim_id", name="pk_batch_claims"),
        sa.UniqueConstraint("active_claim_id", name="uq_batch_claims_active_claim_id"),
        **MYSQL,
    )
    steps.create_index("ix_batch_claims_claim_id", "batch_claims", ["claim_id"])
    steps.create_table(
        "batch_documents",
        sa.Column("batch_id", identifier(), nullable=False),
        sa.Column("file_name", ascii_text(60), nullable=False),
        sa.Column("hash", ascii_text(32), nullable=False),
        sa.Column("sha256", ascii_text(64), nullable=False),
        sa.Column("content", long_bytes(), nullable=False),
        sa.Column("written_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_batch_documents_batch_id"),
        sa.PrimaryKeyConstraint("batch_id", name="pk_batch_documents"),
        **MYSQL,
    )
    steps.create_table(
        "batch_history",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("batch_id", identifier(), nullable=False),
        sa.Column("action", ascii_text(24), nullable=False),
        sa.Column("status", ascii_text(24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("claim_id", identifier(), nullable=True),
        sa.Column("guide_count", sa.Integer(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_batch_history_batch_id"),
        sa.PrimaryKeyConstraint("id", name="pk_batch_history"),
        **MYSQL,
    )
    steps.create_index("ix_batch_history_batch_id_id", "batch_history", ["batch_id", "id"])


def downgrade() -> None:
    for name in ("batch_history", "batch_documents", "batch_claims", "batches"):
        steps.drop_table(name)
