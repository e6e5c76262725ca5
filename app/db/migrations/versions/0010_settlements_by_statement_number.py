"""Finds the settlements of a payer's statement by its number."""

from app.db import migration_steps as steps

revision = "b010"
down_revision = "b009"
branch_labels = None
depends_on = None

INDEX = "ix_settlements_statement_number_id"


def upgrade() -> None:
    steps.create_index(INDEX, "settlements", ["statement_number", "id"])


def downgrade() -> None:
    steps.drop_index(INDEX, table_name="settlements")
