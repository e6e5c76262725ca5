"""The sums of each month have the figures that dashboards show beside the books, and lines of statements the
authorization (senha) by which some payers name a claim."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.types import UtcDateTime, ascii_text

revision = "b048"
down_revision = "b047"
branch_labels = None
depends_on = None

SUMS = "book_sums"
MONTHS = "book_months"
LINES = "remittance_lines"
AUTHORIZATION = "authorization_number"
OF_LINES = "ix_remittance_lines_authorization_number_status"
OF_CLAIMS = "ix_claims_authorization_number"
FIGURES = ("claims", "undecided_claims", "undecided_cents", "processed_cents", "denied_cents", "denials_lost_cents")


def upgrade() -> None:
    for name in FIGURES:
        steps.add_column(SUMS, sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    steps.add_column(MONTHS, sa.Column("figures_at", UtcDateTime(), nullable=True))
    steps.add_column(LINES, sa.Column(AUTHORIZATION, ascii_text(20), nullable=True))
    steps.create_index(steps.f(OF_LINES), LINES, [AUTHORIZATION, "status"], unique=False)
    steps.create_index(steps.f(OF_CLAIMS), "claims", [AUTHORIZATION], unique=False)


def downgrade() -> None:
    steps.drop_index(steps.f(OF_CLAIMS), table_name="claims")
    steps.drop_index(steps.f(OF_LINES), table_name=LINES)
    steps.drop_column(LINES, AUTHORIZATION)
    steps.drop_column(MONTHS, "figures_at")
    for name in FIGURES:
        steps.drop_column(SUMS, name)
