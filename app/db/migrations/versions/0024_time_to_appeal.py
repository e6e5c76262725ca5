"""When the time to appeal starts and which days it counts; the state of a provider, whose holidays do not count."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.types import ascii_text

revision = "b024"
down_revision = "b023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.add_column("providers", sa.Column("state", ascii_text(2), nullable=True))
    steps.add_column("contracts", sa.Column("appeal_clock", ascii_text(24), server_default="ISSUE", nullable=False))
    steps.add_column(
        "contracts", sa.Column("appeal_days_kind", ascii_text(24), server_default="CALENDAR", nullable=False)
    )


def downgrade() -> None:
    steps.drop_column("contracts", "appeal_days_kind")
    steps.drop_column("contracts", "appeal_clock")
    steps.drop_column("providers", "state")
