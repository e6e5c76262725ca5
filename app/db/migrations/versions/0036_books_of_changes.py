"""Stored sums of the books have unapplied credits, and the last position of the event log that they include."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.types import UtcDateTime

revision = "b036"
down_revision = "b035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.add_column("book_sums", sa.Column("unapplied_cents", sa.BigInteger(), server_default="0", nullable=False))
    steps.add_column("book_months", sa.Column("position", sa.BigInteger(), nullable=True))
    steps.add_column("book_months", sa.Column("position_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    steps.drop_column("book_months", "position_at")
    steps.drop_column("book_months", "position")
    steps.drop_column("book_sums", "unapplied_cents")
