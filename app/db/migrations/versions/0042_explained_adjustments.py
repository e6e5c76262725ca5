"""Debits and credits of statements without a claim have a status and a history, and can become unapplied credits."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.reference_tables import MYSQL
from app.db.types import UtcDateTime, ascii_text, identifier

revision = "b042"
down_revision = "b041"
branch_labels = None
depends_on = None

STATUS = "ix_remittance_adjustments_status_id"
ADJUSTMENT = "ix_unapplied_credits_adjustment_id"


def upgrade() -> None:
    steps.add_column(
        "remittance_adjustments", sa.Column("status", ascii_text(24), server_default="OPEN", nullable=False)
    )
    steps.add_column("remittance_adjustments", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    steps.create_index(steps.f(STATUS), "remittance_adjustments", ["status", "id"], unique=False)
    steps.set_nullable("unapplied_credits", "line_id", identifier(), nullable=True)
    steps.add_column("unapplied_credits", sa.Column("adjustment_id", identifier(), nullable=True))
    steps.create_index(steps.f(ADJUSTMENT), "unapplied_credits", ["adjustment_id"], unique=False)
    steps.create_table(
        "adjustment_history",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("adjustment_id", identifier(), nullable=False),
        sa.Column("action", ascii_text(24), nullable=False),
        sa.Column("undoes_id", identifier(), nullable=True),
        sa.Column("status", ascii_text(24), nullable=False),
        sa.Column("claim_id", identifier(), nullable=True),
        sa.Column("settlement_id", identifier(), nullable=True),
        sa.Column("credit_id", identifier(), nullable=True),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["adjustment_id"],
            ["remittance_adjustments.id"],
            name=steps.f("fk_adjustment_history_adjustment_id_remittance_adjustments"),
        ),
        sa.PrimaryKeyConstraint("id", name=steps.f("pk_adjustment_history")),
        **MYSQL,
    )
    name = steps.f("ix_adjustment_history_adjustment_id_id")
    steps.create_index(name, "adjustment_history", ["adjustment_id", "id"], unique=False)


def downgrade() -> None:
    steps.drop_table("adjustment_history")
    steps.drop_index(steps.f(ADJUSTMENT), table_name="unapplied_credits")
    steps.drop_column("unapplied_credits", "adjustment_id")
    steps.set_nullable("unapplied_credits", "line_id", identifier(), nullable=False)
    steps.drop_index(steps.f(STATUS), table_name="remittance_adjustments")
    steps.drop_column("remittance_adjustments", "version")
    steps.drop_column("remittance_adjustments", "status")
