"""The time of the last change of a remittance; rows of the earlier release have other times to read it from."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.types import UtcDateTime

revision = "b012"
down_revision = "b011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.add_column("remittances", sa.Column("changed_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    steps.drop_column("remittances", "changed_at")
