"""Appeals of the second instance, where the contract has one."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.reference_tables import MYSQL
from app.db.types import UtcDateTime, identifier

revision = "b037"
down_revision = "b036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.add_column("contracts", sa.Column("appeal_instances", sa.Integer(), server_default="1", nullable=False))
    steps.add_column("denials", sa.Column("appeal_instance", sa.Integer(), server_default="1", nullable=False))
    steps.add_column("appeal_batches", sa.Column("appeal_instance", sa.Integer(), server_default="1", nullable=False))
    steps.create_table(
        "earlier_appeals",
        sa.Column("denial_id", identifier(), nullable=False),
        sa.Column("appeal_instance", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("appealed_cents", sa.BigInteger(), nullable=False),
        sa.Column("justification", sa.String(length=500), nullable=True),
        sa.Column("appealed_at", UtcDateTime(), nullable=False),
        sa.Column("answered_cents", sa.BigInteger(), nullable=False),
        sa.Column("payer_justification", sa.String(length=500), nullable=True),
        sa.Column("answered_at", UtcDateTime(), nullable=False),
        sa.Column("appeal_deadline", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["denial_id"], ["denials.id"], name=steps.f("fk_earlier_appeals_denial_id")),
        sa.PrimaryKeyConstraint("denial_id", "appeal_instance", name=steps.f("pk_earlier_appeals")),
        **MYSQL,
    )


def downgrade() -> None:
    steps.drop_table("earlier_appeals")
    steps.drop_column("appeal_batches", "appeal_instance")
    steps.drop_column("denials", "appeal_instance")
    steps.drop_column("contracts", "appeal_instances")
