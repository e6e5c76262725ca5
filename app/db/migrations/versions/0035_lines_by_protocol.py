"""Lines of analyses are found by the protocols that are paid later."""

from app.db import migration_steps as steps

revision = "b035"
down_revision = "b034"
branch_labels = None
depends_on = None

NAME = "ix_remittance_lines_protocol_number"


def upgrade() -> None:
    steps.create_index(steps.f(NAME), "remittance_lines", ["protocol_number"], unique=False)


def downgrade() -> None:
    steps.drop_index(steps.f(NAME), table_name="remittance_lines")
