"""Numbers the emergency accesses of each caller, so that two requests at the same time cannot both be granted.

The earlier release leaves the new column empty.
"""

import sqlalchemy as sa

from app.db import migration_steps as steps

revision = "b006"
down_revision = "b005"
branch_labels = None
depends_on = None

INDEX = "ix_emergency_accesses_actor_serial"


def upgrade() -> None:
    steps.add_column("emergency_accesses", sa.Column("serial", sa.Integer(), nullable=True))
    steps.create_index(INDEX, "emergency_accesses", ["actor", "serial"], unique=True)


def downgrade() -> None:
    steps.drop_index(INDEX, table_name="emergency_accesses")
    steps.drop_column("emergency_accesses", "serial")
