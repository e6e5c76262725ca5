"""A debit without a claim may be a line of its statement that takes money back."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.types import identifier

revision = "b045"
down_revision = "b044"
branch_labels = None
depends_on = None

TABLE = "remittance_adjustments"
INDEX = "ix_remittance_adjustments_line_id"


def upgrade() -> None:
    steps.add_column(TABLE, sa.Column("line_id", identifier(), nullable=True))
    steps.create_index(steps.f(INDEX), TABLE, ["line_id"], unique=False)


def downgrade() -> None:
    steps.drop_index(steps.f(INDEX), table_name=TABLE)
    steps.drop_column(TABLE, "line_id")
