"""The same bytes that one subject uploads for two providers are two documents."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.types import ascii_text

revision = "b043"
down_revision = "b042"
branch_labels = None
depends_on = None

SAME = "ix_documents_same"
BEFORE = "uq_documents_created_by_digest"


def upgrade() -> None:
    steps.add_column("documents", sa.Column("uploaded_for", ascii_text(14), server_default="", nullable=False))
    steps.create_index(steps.f(SAME), "documents", ["created_by", "digest", "uploaded_for"], unique=True)
    steps.drop_unique(steps.f(BEFORE), table_name="documents")


def downgrade() -> None:
    steps.create_unique(steps.f(BEFORE), "documents", ["created_by", "digest"])
    steps.drop_index(steps.f(SAME), table_name="documents")
    steps.drop_column("documents", "uploaded_for")
