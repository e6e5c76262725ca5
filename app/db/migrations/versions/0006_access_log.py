"""The access log with its chain, and emergency access to health data."""

import sqlalchemy as sa
from alembic import op

from app.db.reference_tables import MYSQL
from app.db.types import EnumText, UtcDateTime, ascii_text, identifier
from app.domain.audit import FIRST_HASH, Decision, Kind, Purpose

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("kind", EnumText(Kind), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("roles", sa.String(length=200), nullable=False),
        sa.Column("purpose", EnumText(Purpose), nullable=False),
        sa.Column("operation", sa.String(length=200), nullable=False),
        sa.Column("object_id", ascii_text(40), nullable=True),
        sa.Column("person", ascii_text(32), nullable=True),
        sa.Column("data_classes", ascii_text(40), nullable=False),
        sa.Column("decision", EnumText(Decision), nullable=False),
        sa.Column("detail", sa.String(length=200), nullable=True),
        sa.Column("request_id", ascii_text(64), nullable=False),
        sa.Column("writer", ascii_text(32), nullable=False),
        sa.Column("writer_sequence", sa.BigInteger(), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("hash", ascii_text(64), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
        sa.UniqueConstraint("position", name="uq_audit_log_position"),
        **MYSQL,
    )
    op.create_index("ix_audit_log_person_at", "audit_log", ["person", "at"])
    op.create_index("ix_audit_log_writer_writer_sequence", "audit_log", ["writer", "writer_sequence"])
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("hash", ascii_text(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
        **MYSQL,
    )
    op.bulk_insert(head, [{"id": 1, "position": 0, "hash": FIRST_HASH}])
    op.create_table(
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
    op.create_index("ix_emergency_accesses_actor_expires_at", "emergency_accesses", ["actor", "expires_at"])


def downgrade() -> None:
    op.drop_table("emergency_accesses")
    op.drop_table("audit_head")
    op.drop_table("audit_log")
