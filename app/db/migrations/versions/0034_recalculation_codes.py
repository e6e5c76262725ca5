"""The denial code of a contract for what the payer leaves out of an item without a reason."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.types import ascii_text

revision = "b034"
down_revision = "b033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.add_column("contracts", sa.Column("recalculation_code", ascii_text(4), nullable=True))


def downgrade() -> None:
    steps.drop_column("contracts", "recalculation_code")
