"""What a contract says of documents and cards: the earlier release knows all cards, and writes the newest version."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.types import ascii_text

revision = "b015"
down_revision = "b014"
branch_labels = None
depends_on = None

TABLE = "contracts"


def upgrade() -> None:
    steps.add_column(TABLE, sa.Column("provider_code", ascii_text(14), nullable=True))
    steps.add_column(TABLE, sa.Column("holds_membership", sa.Boolean(), server_default="1", nullable=False))
    steps.add_column(TABLE, sa.Column("tiss_version", ascii_text(24), server_default="V4_03_00", nullable=False))


def downgrade() -> None:
    for name in ("tiss_version", "holds_membership", "provider_code"):
        steps.drop_column(TABLE, name)
