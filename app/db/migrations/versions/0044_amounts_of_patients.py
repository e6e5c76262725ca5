"""What patients owe of items (valorFranquia) is neither paid nor denied."""

import sqlalchemy as sa

from app.db import migration_steps as steps

revision = "b044"
down_revision = "b043"
branch_labels = None
depends_on = None

NAME = "patient_cents"
DECIDED = ("claims", "claim_items")
SAID = ("remittance_lines", "book_sums")


def upgrade() -> None:
    for table in DECIDED:
        steps.add_column(table, sa.Column(NAME, sa.BigInteger(), nullable=True))
    for table in SAID:
        steps.add_column(table, sa.Column(NAME, sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    for table in (*SAID, *DECIDED):
        steps.drop_column(table, NAME)
