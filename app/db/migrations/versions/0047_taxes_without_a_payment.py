"""Taxes of a statement that belong to no payment: the shares of dismissed lines and of credits that went back."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.types import identifier

revision = "b047"
down_revision = "b046"
branch_labels = None
depends_on = None

TABLE = "settlement_deductions"
SOURCES = ("remittance_id", "line_id", "credit_use_id")
INDEX = "ix_settlement_deductions_remittance_id"


def upgrade() -> None:
    steps.set_nullable(TABLE, "settlement_id", identifier(), nullable=True)
    for name in SOURCES:
        steps.add_column(TABLE, sa.Column(name, identifier(), nullable=True))
    steps.create_index(steps.f(INDEX), TABLE, ["remittance_id"], unique=False)


def downgrade() -> None:
    steps.drop_index(steps.f(INDEX), table_name=TABLE)
    for name in SOURCES:
        steps.drop_column(TABLE, name)
    steps.set_nullable(TABLE, "settlement_id", identifier(), nullable=False)
