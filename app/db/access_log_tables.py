"""The tables of the access log and of emergency access; rows are added and sealed, never changed or deleted."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from app.db.reference_tables import MYSQL, metadata
from app.db.types import EnumText, UtcDateTime, ascii_text, identifier
from app.domain.access_log import AccessDecision, AccessKind, PurposeOfUse

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("kind", EnumText(AccessKind), nullable=False),
    Column("actor", String(120), nullable=False),
    Column("roles", String(200), nullable=False),
    Column("purpose", EnumText(PurposeOfUse), nullable=False),
    Column("operation", String(200), nullable=False),
    Column("object_id", ascii_text(40)),
    # A pseudonym: the log alone does not tell whose data it is about.
    Column("person", ascii_text(32)),
    Column("data_classes", ascii_text(40), nullable=False),
    Column("decision", EnumText(AccessDecision), nullable=False),
    Column("detail", String(200)),
    Column("request_id", ascii_text(64), nullable=False),
    Column("writer", ascii_text(32), nullable=False),
    Column("writer_sequence", BigInteger),
    # Given when the row is sealed, in order and without gaps.
    Column("position", BigInteger),
    Column("hash", ascii_text(64)),
    UniqueConstraint("position"),
    Index(None, "person", "at"),
    Index(None, "writer", "writer_sequence"),
    **MYSQL,
)

# One row: the last sealed place. Whoever seals holds it, so that the chain never forks.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("hash", ascii_text(64), nullable=False),
    **MYSQL,
)

emergency_accesses = Table(
    "emergency_accesses",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("actor", String(120), nullable=False),
    Column("patient_id", ForeignKey("patients.id"), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("granted_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "actor", "expires_at"),
    **MYSQL,
)
