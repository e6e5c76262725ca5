"""A cancelled statement leaves its number to another import, and a line can be dismissed.

The unique index of statement numbers gets one column more, which is empty until a statement is cancelled: for the
earlier release, which does not write it, numbers are as unique as before.
"""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.types import UtcDateTime, identifier

revision = "b007"
down_revision = "b006"
branch_labels = None
depends_on = None

NUMBER = ["payer_ans", "provider_cnes", "statement_number"]
INDEX = "ix_remittances_number"
FORMER = "uq_remittances_payer_ans_provider_cnes_statement_number"


def upgrade() -> None:
    steps.add_column("remittances", sa.Column("cancelled_id", identifier(), nullable=False, server_default=""))
    steps.add_column("remittances", sa.Column("cancelled_at", UtcDateTime(), nullable=True))
    steps.add_column("remittances", sa.Column("cancelled_by", sa.String(length=120), nullable=True))
    steps.add_column("remittances", sa.Column("cancel_reason", sa.String(length=500), nullable=True))
    steps.create_index(INDEX, "remittances", [*NUMBER, "cancelled_id"], unique=True)
    steps.drop_unique(FORMER, table_name="remittances")
    steps.add_column("remittance_lines", sa.Column("dismissed_at", UtcDateTime(), nullable=True))
    steps.add_column("remittance_lines", sa.Column("dismissed_by", sa.String(length=120), nullable=True))
    steps.add_column("remittance_lines", sa.Column("dismissal_reason", sa.String(length=500), nullable=True))


def downgrade() -> None:
    for name in ("dismissal_reason", "dismissed_by", "dismissed_at"):
        steps.drop_column("remittance_lines", name)
    steps.create_unique(FORMER, "remittances", NUMBER)
    steps.drop_index(INDEX, table_name="remittances")
    for name in ("cancel_reason", "cancelled_by", "cancelled_at", "cancelled_id"):
        steps.drop_column("remittances", name)
