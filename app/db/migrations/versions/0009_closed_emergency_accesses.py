"""Who closed an emergency access before its time; empty for one that ran to its end."""

import sqlalchemy as sa

from app.db import migration_steps as steps

revision = "b009"
down_revision = "b008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.add_column("emergency_accesses", sa.Column("closed_by", sa.String(length=120), nullable=True))


def downgrade() -> None:
    steps.drop_column("emergency_accesses", "closed_by")
