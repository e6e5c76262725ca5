"""The table of postings that go on after the call that started them, one for each statement."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table

from app.db.reference_tables import MYSQL, metadata
from app.db.types import JsonOf, UtcDateTime, ascii_text
from app.domain.actor import Actor

remittance_postings = Table(
    "remittance_postings",
    metadata,
    Column("remittance_id", ForeignKey("remittances.id"), primary_key=True),
    # In whose name lines are posted, with what the token said when the posting was started.
    Column("actor", JsonOf(Actor), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("posted", Integer, nullable=False),
    Column("put_back", Integer, nullable=False),
    # Who posts now, until when unless the lease is renewed, in the database's time.
    Column("lease_holder", ascii_text(32)),
    Column("lease_until", UtcDateTime),
    Index(None, "ended_at", "remittance_id"),
    **MYSQL,
)
