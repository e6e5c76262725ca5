"""Postings of statements that go on after the call that started them."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.reference_tables import MYSQL
from app.db.types import UtcDateTime, ascii_text, identifier, long_text

revision = "b026"
down_revision = "b025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "remittance_postings",
        sa.Column("remittance_id", identifier(), nullable=False),
        sa.Column("actor", long_text(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("posted", sa.Integer(), nullable=False),
        sa.Column("put_back", sa.Integer(), nullable=False),
        sa.Column("lease_holder", ascii_text(32), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["remittance_id"], ["remittances.id"], name=steps.f("fk_remittance_postings_remittance_id")
        ),
        sa.PrimaryKeyConstraint("remittance_id", name=steps.f("pk_remittance_postings")),
        **MYSQL,
    )
    steps.create_index(
        steps.f("ix_remittance_postings_ended_at_remittance_id"),
        "remittance_postings",
        ["ended_at", "remittance_id"],
        unique=False,
    )
    steps.create_index(
        steps.f("ix_remittance_lines_remittance_id_status_sequence"),
        "remittance_lines",
        ["remittance_id", "status", "sequence"],
        unique=False,
    )


def downgrade() -> None:
    steps.drop_index(steps.f("ix_remittance_lines_remittance_id_status_sequence"), table_name="remittance_lines")
    steps.drop_table("remittance_postings")
