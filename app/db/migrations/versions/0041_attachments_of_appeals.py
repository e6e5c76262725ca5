"""Attachments of appeals."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.reference_tables import MYSQL
from app.db.types import UtcDateTime, ascii_text, identifier

revision = "b041"
down_revision = "b040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "appeal_attachments",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("denial_id", identifier(), nullable=False),
        sa.Column("appeal_instance", sa.Integer(), nullable=False),
        sa.Column("document_id", identifier(), nullable=True),
        sa.Column("file_name", sa.String(length=100), nullable=False),
        sa.Column("digest", ascii_text(64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("kind", ascii_text(24), nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("removed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["denial_id"], ["denials.id"], name=steps.f("fk_appeal_attachments_denial_id")),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name=steps.f("fk_appeal_attachments_document_id")),
        sa.PrimaryKeyConstraint("id", name=steps.f("pk_appeal_attachments")),
        **MYSQL,
    )
    steps.create_index("ix_appeal_attachments_denial_id_id", "appeal_attachments", ["denial_id", "id"])
    steps.create_index("ix_appeal_attachments_document_id", "appeal_attachments", ["document_id"])


def downgrade() -> None:
    steps.drop_table("appeal_attachments")
