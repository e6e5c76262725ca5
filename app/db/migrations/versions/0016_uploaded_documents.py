"""Documents that callers upload, in chunks of one compressed stream, and the uploads that have not ended."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db import types

revision = "b016"
down_revision = "b015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "document_chunks",
        sa.Column("document_id", types.ascii_text(length=30), nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "content",
            types.long_bytes(),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("document_id", "sequence", name=steps.f("pk_document_chunks")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    steps.create_table(
        "document_uploads",
        sa.Column("id", types.ascii_text(length=30), nullable=False),
        sa.Column("started_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=steps.f("pk_document_uploads")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    steps.create_index(steps.f("ix_document_uploads_started_at"), "document_uploads", ["started_at"], unique=False)
    steps.create_table(
        "documents",
        sa.Column("id", types.ascii_text(length=30), nullable=False),
        sa.Column("digest", types.ascii_text(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("kind", types.ascii_text(length=24), nullable=False),
        sa.Column("provider_cnes", types.ascii_text(length=7), nullable=True),
        sa.Column("payer_ans", types.ascii_text(length=6), nullable=True),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=steps.f("pk_documents")),
        sa.UniqueConstraint("created_by", "digest", name=steps.f("uq_documents_created_by_digest")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )


def downgrade() -> None:
    steps.drop_table("documents")
    steps.drop_table("document_uploads")
    steps.drop_table("document_chunks")
