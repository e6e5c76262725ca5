"""The identity of the database: one row."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.identity import ONLY_SLOT, new_incarnation
from app.db.reference_tables import MYSQL
from app.db.types import ascii_text

revision = "b004"
down_revision = "b003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "database_identity",
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("incarnation", ascii_text(32), nullable=False),
        sa.PrimaryKeyConstraint("slot", name="pk_database_identity"),
        **MYSQL,
    )
    steps.insert_only_row("database_identity", {"slot": ONLY_SLOT, "incarnation": new_incarnation()})


def downgrade() -> None:
    steps.drop_table("database_identity")
