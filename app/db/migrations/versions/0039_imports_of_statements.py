"""Import jobs of long statements: what their callers have said, and the remittances that they write."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.types import ascii_text, long_text

revision = "b039"
down_revision = "b038"
branch_labels = None
depends_on = None

TABLE = "import_jobs"


def upgrade() -> None:
    steps.add_column(TABLE, sa.Column("kind", ascii_text(24), nullable=False, server_default="BATCH"))
    steps.add_column(TABLE, sa.Column("statement", long_text(), nullable=True))
    steps.add_column(TABLE, sa.Column("statements", long_text(), nullable=True))


def downgrade() -> None:
    for name in ("statements", "statement", "kind"):
        steps.drop_column(TABLE, name)
