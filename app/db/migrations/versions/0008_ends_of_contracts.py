"""The last day of service under a contract; the earlier release leaves it empty, so that its contracts have no end."""

import sqlalchemy as sa

from app.db import migration_steps as steps

revision = "b008"
down_revision = "b007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.add_column("contracts", sa.Column("ends_on", sa.Date(), nullable=True))


def downgrade() -> None:
    steps.drop_column("contracts", "ends_on")
