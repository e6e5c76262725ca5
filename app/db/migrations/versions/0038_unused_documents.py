"""Uploaded documents that nothing refers to are found by their age."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.types import UtcDateTime

revision = "b038"
down_revision = "b037"
branch_labels = None
depends_on = None

NAME = "ix_documents_unused_since"


def upgrade() -> None:
    steps.add_column("documents", sa.Column("unused_since", UtcDateTime(), nullable=True))
    steps.create_index(steps.f(NAME), "documents", ["unused_since"], unique=False)


def downgrade() -> None:
    steps.drop_index(steps.f(NAME), table_name="documents")
    steps.drop_column("documents", "unused_since")
