"""The tables of the access log and of emergency access.

The access log is append-only: the gateway's database user needs INSERT and SELECT on its tables and nothing else. No
foreign keys: they would lock the parent row for each insert, and the digests show more than they could.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table

from app.db.reference_tables import MYSQL, metadata
from app.db.types import EnumText, UtcDateTime, ascii_text, identifier, long_text
from app.domain.access_log import AccessDecision, AccessKind, PurposeOfUse
from app.domain.actor import Door

# One row per operation; the columns stand in the order of AccessEntry's fields.
access_log_entries = Table(
    "access_log_entries",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("door", EnumText(Door)),
    Column("kind", EnumText(AccessKind), nullable=False),
    Column("actor", String(120), nullable=False),
    Column("roles", String(200), nullable=False),
    Column("purpose", EnumText(PurposeOfUse), nullable=False),
    Column("operation", String(200), nullable=False),
    Column("decision", EnumText(AccessDecision), nullable=False),
    Column("data_classes", ascii_text(40), nullable=False),
    Column("detail", String(200)),
    Column("persons", Integer, nullable=False),
    Column("request_id", ascii_text(64), nullable=False),
    Column("writer", ascii_text(32), nullable=False),
    Column("writer_sequence", BigInteger),
    # The subjects with their request ids, for an event that many received: a JSON object.
    Column("hearers", long_text()),
    Column("digest", ascii_text(64), nullable=False),
    **MYSQL,
)

# One narrow row for each person in an operation.
access_log_persons = Table(
    "access_log_persons",
    metadata,
    Column("entry_id", identifier(), primary_key=True),
    # A pseudonym: the log alone does not tell whose data it is about.
    Column("person", ascii_text(32), primary_key=True),
    # That of the entry, so that a person's page is read from one index.
    Column("at", UtcDateTime, nullable=False),
    Column("data_classes", ascii_text(40), nullable=False),
    Column("emergency_access_id", identifier()),
    Column("object_ids", long_text()),
    Index(None, "person", "at", "entry_id"),
    **MYSQL,
)

# The chain. Whoever inserts a position first has sealed it: processes race for the primary key, without locks.
access_log_seals = Table(
    "access_log_seals",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", ascii_text(64), nullable=False),
    Column("previous", ascii_text(64), nullable=False),
    Column("sealed_at", UtcDateTime, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("last_entry_id", identifier(), nullable=False),
    **MYSQL,
)

# Which seal covers an entry; an entry that commits late is in none yet, and is sealed by the next one.
access_log_sealed = Table(
    "access_log_sealed",
    metadata,
    Column("entry_id", identifier(), primary_key=True),
    Column("position", BigInteger, nullable=False),
    Index(None, "position", "entry_id"),
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
    # Who ended it before its time, by moving `expires_at`.
    Column("closed_by", String(120)),
    # Numbers the accesses of one caller, so that of two requests at the same time only one is granted.
    Column("serial", Integer),
    Index(None, "granted_at", "id"),
    Index(None, "actor", "expires_at"),
    Index(None, "actor", "serial", unique=True),
    **MYSQL,
)
