"""Every table of the first release."""

from alembic import op

from app.db import access_log_tables  # noqa: F401 - its tables belong to the metadata
from app.db.access_log_tables import audit_head
from app.db.tables import claims
from app.domain.access_log import FIRST_HASH

revision = "b001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    claims.metadata.create_all(op.get_bind())
    op.bulk_insert(audit_head, [{"id": 1, "position": 0, "hash": FIRST_HASH}])


def downgrade() -> None:
    claims.metadata.drop_all(op.get_bind())
