"""An index for the entries of banks by what they are, money in or out, in the order of their days: the fewer of the two
were counted by reading all of them."""

from app.db import migration_steps as steps

revision = "b050"
down_revision = "b049"
branch_labels = None
depends_on = None

NAME = "ix_bank_entries_direction_booked_on_id"


def upgrade() -> None:
    steps.create_index(steps.f(NAME), "bank_entries", ["direction", "booked_on", "id"], unique=False)


def downgrade() -> None:
    steps.drop_index(steps.f(NAME), table_name="bank_entries")
