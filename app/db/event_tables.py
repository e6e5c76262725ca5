"""The tables of events besides the outbox: who publishes, and payers' messages that could not be handled."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, UniqueConstraint

from app.db.reference_tables import MYSQL, metadata
from app.db.types import UtcDateTime, ascii_text, counter, long_bytes

# The right to lead until `lease` after `renewed_at`, in the database's time; `epoch` grows with every new leader.
leases = Table(
    "leases",
    metadata,
    Column("name", ascii_text(40), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    # Empty once the leader has given the lease back.
    Column("renewed_at", UtcDateTime),
    **MYSQL,
)

# Messages by their place in Kafka; a message that could be decoded is in the dead-letter topic too.
dead_statements = Table(
    "dead_statements",
    metadata,
    Column("id", counter(), primary_key=True, autoincrement=True),
    Column("topic", ascii_text(249), nullable=False),
    Column("topic_partition", Integer, nullable=False),
    Column("first_offset", BigInteger, nullable=False),
    # Higher than the first if a whole batch cannot be decompressed.
    Column("last_offset", BigInteger, nullable=False),
    Column("code", ascii_text(40), nullable=False),
    Column("reason", String(500), nullable=False),
    # The body, or the bytes that could not be decoded; at most the first megabyte.
    Column("raw", long_bytes(), nullable=False),
    Column("dead_at", UtcDateTime, nullable=False),
    # Put back into the inbox, or dismissed by an operator; deleted some time after that.
    Column("resolved_at", UtcDateTime),
    UniqueConstraint("topic", "topic_partition", "first_offset"),
    Index(None, "resolved_at", "id"),
    **MYSQL,
)
