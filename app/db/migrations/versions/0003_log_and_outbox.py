"""The access log, emergency accesses, the outbox, and idempotency keys."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.reference_tables import MYSQL
from app.db.types import UtcDateTime, ascii_text, counter, identifier, long_text

revision = "b003"
down_revision = "b002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "access_log_entries",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("door", ascii_text(24), nullable=True),
        sa.Column("kind", ascii_text(24), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("roles", sa.String(length=200), nullable=False),
        sa.Column("purpose", ascii_text(24), nullable=False),
        sa.Column("operation", sa.String(length=200), nullable=False),
        sa.Column("decision", ascii_text(24), nullable=False),
        sa.Column("data_classes", ascii_text(40), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=True),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("request_id", ascii_text(64), nullable=False),
        sa.Column("writer", ascii_text(32), nullable=False),
        sa.Column("writer_sequence", sa.BigInteger(), nullable=True),
        sa.Column("digest", ascii_text(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_log_entries"),
        **MYSQL,
    )
    steps.create_table(
        "access_log_persons",
        sa.Column("entry_id", identifier(), nullable=False),
        sa.Column("person", ascii_text(32), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("data_classes", ascii_text(40), nullable=False),
        sa.Column("emergency_access_id", identifier(), nullable=True),
        sa.Column("object_ids", long_text(), nullable=True),
        sa.PrimaryKeyConstraint("entry_id", "person", name="pk_access_log_persons"),
        **MYSQL,
    )
    steps.create_index("ix_access_log_persons_person_at_entry_id", "access_log_persons", ["person", "at", "entry_id"])
    steps.create_table(
        "access_log_sealed",
        sa.Column("entry_id", identifier(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name="pk_access_log_sealed"),
        **MYSQL,
    )
    steps.create_index("ix_access_log_sealed_position_entry_id", "access_log_sealed", ["position", "entry_id"])
    steps.create_table(
        "access_log_seals",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", ascii_text(64), nullable=False),
        sa.Column("previous", ascii_text(64), nullable=False),
        sa.Column("sealed_at", UtcDateTime(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("last_entry_id", identifier(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_access_log_seals"),
        **MYSQL,
    )
    steps.create_table(
        "idempotency_keys",
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("operation", ascii_text(40), nullable=False),
        sa.Column("key", ascii_text(80), nullable=False),
        sa.Column("request_hash", ascii_text(64), nullable=False),
        sa.Column("response", long_text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "operation", "key", name="pk_idempotency_keys"),
        **MYSQL,
    )
    steps.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
    steps.create_table(
        "outbox",
        sa.Column("id", counter(), autoincrement=True, nullable=False),
        sa.Column("event_id", identifier(), nullable=False),
        sa.Column("name", ascii_text(60), nullable=False),
        sa.Column("aggregate_id", identifier(), nullable=False),
        sa.Column("provider_cnes", ascii_text(7), nullable=True),
        sa.Column("payer_ans", ascii_text(6), nullable=True),
        sa.Column("patient_id", identifier(), nullable=True),
        sa.Column("data", long_text(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("published_at", UtcDateTime(), nullable=True),
        sa.Column("parked_at", UtcDateTime(), nullable=True),
        sa.Column("parked_reason", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("event_id", name="uq_outbox_event_id"),
        sa.UniqueConstraint("position", name="uq_outbox_position"),
        **MYSQL,
    )
    steps.create_index("ix_outbox_aggregate_id", "outbox", ["aggregate_id"])
    steps.create_index("ix_outbox_parked_at", "outbox", ["parked_at"])
    steps.create_index("ix_outbox_published_at_position", "outbox", ["published_at", "position"])
    steps.create_table(
        "emergency_accesses",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("patient_id", identifier(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("granted_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name="fk_emergency_accesses_patient_id"),
        sa.PrimaryKeyConstraint("id", name="pk_emergency_accesses"),
        **MYSQL,
    )
    steps.create_index("ix_emergency_accesses_actor_expires_at", "emergency_accesses", ["actor", "expires_at"])


def downgrade() -> None:
    for name in [
        "emergency_accesses",
        "outbox",
        "idempotency_keys",
        "access_log_seals",
        "access_log_sealed",
        "access_log_persons",
        "access_log_entries",
    ]:
        steps.drop_table(name)
