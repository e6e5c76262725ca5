"""The sums of each month have the figures that dashboards show beside the books."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.types import UtcDateTime

revision = "b048"
down_revision = "b047"
branch_labels = None
depends_on = None

SUMS = "book_sums"
MONTHS = "book_months"
FIGURES = ("claims", "undecided_claims", "undecided_cents", "processed_cents", "denied_cents", "denials_lost_cents")


def upgrade() -> None:
    for name in FIGURES:
        steps.add_column(SUMS, sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    steps.add_column(MONTHS, sa.Column("figures_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    steps.drop_column(MONTHS, "figures_at")
    for name in FIGURES:
        steps.drop_column(SUMS, name)
