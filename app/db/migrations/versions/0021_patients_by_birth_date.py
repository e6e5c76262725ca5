"""An index for looking patients up by their day of birth."""

from app.db import migration_steps as steps

revision = "b021"
down_revision = "b020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_index("ix_patients_birth_date", "patients", ["birth_date"])


def downgrade() -> None:
    steps.drop_index("ix_patients_birth_date", table_name="patients")
