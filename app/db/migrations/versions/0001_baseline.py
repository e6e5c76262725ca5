"""Every table of the first release."""

from alembic import op

from app.db import access_log_tables  # noqa: F401 - its tables belong to the metadata
from app.db.tables import claims

revision = "b001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    claims.metadata.create_all(op.get_bind())


def downgrade() -> None:
    claims.metadata.drop_all(op.get_bind())
