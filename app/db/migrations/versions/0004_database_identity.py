"""The identity of the database: one row."""

import sqlalchemy as sa
from alembic import op

from app.db.identity import ONLY_SLOT, new_incarnation
from app.db.reference_tables import MYSQL
from app.db.types import ascii_text

revision = "b004"
down_revision = "b003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table = op.create_table(
        "database_identity",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("incarnation", ascii_text(32), nullable=False),
        sa.PrimaryKeyConstraint("slot", name="pk_database_identity"),
        **MYSQL,
    )
    op.bulk_insert(table, [{"slot": ONLY_SLOT, "incarnation": new_incarnation()}])


def downgrade() -> None:
    op.drop_table("database_identity")
