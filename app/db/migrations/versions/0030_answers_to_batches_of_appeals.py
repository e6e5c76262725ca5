"""What the answer to an appeal in a batch accepts: the same document again is recognised by it."""

import sqlalchemy as sa

from app.db import migration_steps as steps

revision = "b030"
down_revision = "b029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.add_column("appeal_batch_denials", sa.Column("answered_cents", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    steps.drop_column("appeal_batch_denials", "answered_cents")
