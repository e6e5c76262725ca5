"""Master data: versions and deactivation of parties, practitioners, registrations of patients, history."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.reference_tables import MYSQL
from app.db.types import UtcDateTime, ascii_text, identifier

revision = "b017"
down_revision = "b016"
branch_labels = None
depends_on = None

DEACTIVATED = ("payers", "providers", "patients")
VERSIONED = (*DEACTIVATED, "coverages")


def upgrade() -> None:
    for table in VERSIONED:
        steps.add_column(table, sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    for table in DEACTIVATED:
        steps.add_column(table, sa.Column("deactivated_at", UtcDateTime(), nullable=True))
    steps.add_column("patients", sa.Column("merged_into_id", identifier(), nullable=True))
    steps.add_column("patients", sa.Column("registered_cpf", ascii_text(11), nullable=True))
    steps.create_index("ix_patients_merged_into_id", "patients", ["merged_into_id"])
    steps.create_index("ix_patients_registered_cpf", "patients", ["registered_cpf"], unique=True)
    steps.create_table(
        "practitioners",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("provider_cnes", ascii_text(7), nullable=False),
        sa.Column("name", sa.String(length=70), nullable=False),
        sa.Column("council", ascii_text(2), nullable=False),
        sa.Column("number", ascii_text(15), nullable=False),
        sa.Column("state", ascii_text(2), nullable=False),
        sa.Column("cbo", ascii_text(6), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("deactivated_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["provider_cnes"], ["providers.cnes"], name="fk_practitioners_provider_cnes"),
        sa.PrimaryKeyConstraint("id", name="pk_practitioners"),
        sa.UniqueConstraint(
            "provider_cnes", "council", "number", "state", name="uq_practitioners_provider_cnes_council_number_state"
        ),
        **MYSQL,
    )
    steps.create_index("ix_practitioners_name_id", "practitioners", ["name", "id"])
    steps.create_table(
        "patient_registrations",
        sa.Column("patient_id", identifier(), nullable=False),
        sa.Column("provider_cnes", ascii_text(7), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name="fk_patient_registrations_patient_id"),
        sa.ForeignKeyConstraint(["provider_cnes"], ["providers.cnes"], name="fk_patient_registrations_provider_cnes"),
        sa.PrimaryKeyConstraint("patient_id", "provider_cnes", name="pk_patient_registrations"),
        **MYSQL,
    )
    steps.create_index(
        "ix_patient_registrations_provider_cnes_patient_id", "patient_registrations", ["provider_cnes", "patient_id"]
    )
    steps.create_table(
        "party_history",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("party_id", identifier(), nullable=False),
        sa.Column("action", ascii_text(24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("fields", sa.String(length=255), nullable=False),
        sa.Column("other_id", identifier(), nullable=True),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_party_history"),
        **MYSQL,
    )
    steps.create_index("ix_party_history_party_id_id", "party_history", ["party_id", "id"])


def downgrade() -> None:
    for table in ("party_history", "patient_registrations", "practitioners"):
        steps.drop_table(table)
    steps.drop_index("ix_patients_registered_cpf", table_name="patients")
    steps.drop_index("ix_patients_merged_into_id", table_name="patients")
    steps.drop_column("patients", "registered_cpf")
    steps.drop_column("patients", "merged_into_id")
    for table in DEACTIVATED:
        steps.drop_column(table, "deactivated_at")
    for table in VERSIONED:
        steps.drop_column(table, "version")
