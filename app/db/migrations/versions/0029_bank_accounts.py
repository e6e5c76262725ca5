"""Providers' bank accounts: files, their entries, and which payments these are."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db import types
from app.db.reference_tables import MYSQL

revision = "b029"
down_revision = "b028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "bank_files",
        sa.Column("id", types.ascii_text(length=30), nullable=False),
        sa.Column("provider_cnes", types.ascii_text(length=7), nullable=False),
        sa.Column("source", types.ascii_text(length=24), nullable=False),
        sa.Column("digest", types.ascii_text(length=64), nullable=False),
        sa.Column("entry_count", sa.Integer(), nullable=False),
        sa.Column("new_entry_count", sa.Integer(), nullable=False),
        sa.Column("matched_entry_count", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["provider_cnes"], ["providers.cnes"], name=steps.f("fk_bank_files_provider_cnes")),
        sa.PrimaryKeyConstraint("id", name=steps.f("pk_bank_files")),
        sa.UniqueConstraint("provider_cnes", "digest", name=steps.f("uq_bank_files_provider_cnes_digest")),
        **MYSQL,
    )
    steps.create_table(
        "bank_entries",
        sa.Column("id", types.ascii_text(length=30), nullable=False),
        sa.Column("file_id", types.ascii_text(length=30), nullable=False),
        sa.Column("provider_cnes", types.ascii_text(length=7), nullable=False),
        sa.Column("payer_ans", types.ascii_text(length=6), nullable=True),
        sa.Column("status", types.ascii_text(length=24), nullable=False),
        sa.Column("account", sa.String(length=40), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("direction", types.ascii_text(length=24), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.String(length=60), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("identity", types.ascii_text(length=64), nullable=False),
        sa.Column("match_id", types.ascii_text(length=30), nullable=True),
        sa.Column("dismissal_reason", sa.String(length=500), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.String(length=120), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("changed_at", types.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["bank_files.id"], name=steps.f("fk_bank_entries_file_id")),
        sa.ForeignKeyConstraint(["payer_ans"], ["payers.ans_code"], name=steps.f("fk_bank_entries_payer_ans")),
        sa.ForeignKeyConstraint(["provider_cnes"], ["providers.cnes"], name=steps.f("fk_bank_entries_provider_cnes")),
        sa.PrimaryKeyConstraint("id", name=steps.f("pk_bank_entries")),
        sa.UniqueConstraint("provider_cnes", "identity", name=steps.f("uq_bank_entries_provider_cnes_identity")),
        **MYSQL,
    )
    steps.create_index(steps.f("ix_bank_entries_booked_on_id"), "bank_entries", ["booked_on", "id"])
    steps.create_index(steps.f("ix_bank_entries_match_id"), "bank_entries", ["match_id"])
    steps.create_index(
        steps.f("ix_bank_entries_payer_ans_booked_on_id"),
        "bank_entries",
        ["payer_ans", "booked_on", "id"],
    )
    steps.create_index(
        steps.f("ix_bank_entries_provider_cnes_booked_on_id"),
        "bank_entries",
        ["provider_cnes", "booked_on", "id"],
    )
    steps.create_index(steps.f("ix_bank_entries_status_booked_on_id"), "bank_entries", ["status", "booked_on", "id"])
    steps.create_table(
        "bank_matches",
        sa.Column("id", types.ascii_text(length=30), nullable=False),
        sa.Column("match_id", types.ascii_text(length=30), nullable=False),
        sa.Column("remittance_id", types.ascii_text(length=30), nullable=False),
        sa.Column("active_remittance_id", types.ascii_text(length=30), nullable=True),
        sa.Column("net_cents", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("undone_by", sa.String(length=120), nullable=True),
        sa.Column("undone_at", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["remittance_id"], ["remittances.id"], name=steps.f("fk_bank_matches_remittance_id")),
        sa.PrimaryKeyConstraint("id", name=steps.f("pk_bank_matches")),
        sa.UniqueConstraint("active_remittance_id", name=steps.f("uq_bank_matches_active_remittance_id")),
        **MYSQL,
    )
    steps.create_index(steps.f("ix_bank_matches_match_id"), "bank_matches", ["match_id"])
    steps.create_index(steps.f("ix_bank_matches_remittance_id"), "bank_matches", ["remittance_id"])


def downgrade() -> None:
    for table in ("bank_matches", "bank_entries", "bank_files"):
        steps.drop_table(table)
