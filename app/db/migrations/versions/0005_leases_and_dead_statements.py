"""Leases of leaders, and payers' messages that could not be handled."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.reference_tables import MYSQL
from app.db.types import UtcDateTime, ascii_text, counter, long_bytes

revision = "b005"
down_revision = "b004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "leases",
        sa.Column("name", ascii_text(40), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("renewed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
        **MYSQL,
    )
    steps.create_table(
        "dead_statements",
        sa.Column("id", counter(), autoincrement=True, nullable=False),
        sa.Column("topic", ascii_text(249), nullable=False),
        sa.Column("topic_partition", sa.Integer(), nullable=False),
        sa.Column("first_offset", sa.BigInteger(), nullable=False),
        sa.Column("last_offset", sa.BigInteger(), nullable=False),
        sa.Column("code", ascii_text(40), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("raw", long_bytes(), nullable=False),
        sa.Column("dead_at", UtcDateTime(), nullable=False),
        sa.Column("resolved_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_dead_statements"),
        sa.UniqueConstraint(
            "topic", "topic_partition", "first_offset", name="uq_dead_statements_topic_topic_partition_first_offset"
        ),
        **MYSQL,
    )
    steps.create_index("ix_dead_statements_resolved_at_id", "dead_statements", ["resolved_at", "id"])


def downgrade() -> None:
    steps.drop_table("dead_statements")
    steps.drop_table("leases")
