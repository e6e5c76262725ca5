"""Finds patients by the number of a card of any payer, and by CPF."""

from app.db import migration_steps as steps

revision = "b011"
down_revision = "b010"
branch_labels = None
depends_on = None

CARD = "ix_coverages_card_number"
CPF = "ix_patients_cpf"


def upgrade() -> None:
    steps.create_index(CARD, "coverages", ["card_number"])
    steps.create_index(CPF, "patients", ["cpf"])


def downgrade() -> None:
    steps.drop_index(CPF, table_name="patients")
    steps.drop_index(CARD, table_name="coverages")
