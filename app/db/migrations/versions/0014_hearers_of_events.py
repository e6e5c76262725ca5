"""Who received an event of a subscription, in one entry of the access log for all; empty in entries of one caller."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.types import long_text

revision = "b014"
down_revision = "b013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.add_column("access_log_entries", sa.Column("hearers", long_text(), nullable=True))


def downgrade() -> None:
    steps.drop_column("access_log_entries", "hearers")
