"""Items of a document may have the same number."""

import sqlalchemy as sa

from app.db import migration_steps as steps

revision = "b046"
down_revision = "b045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.add_column("claim_items", sa.Column("document_sequence", sa.Integer(), nullable=True))


def downgrade() -> None:
    steps.drop_column("claim_items", "document_sequence")
