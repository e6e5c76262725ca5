"""The tables of the books: what has become of billed money, by month, provider and payer, as it was last added up."""

from sqlalchemy import BigInteger, Column, Table

from app.db.reference_tables import MYSQL, metadata
from app.db.types import UtcDateTime, ascii_text

# The parties of rows that were added up: no foreign keys.
book_sums = Table(
    "book_sums",
    metadata,
    # Of submission or, for credits, of their creation: 202611.
    Column("month", ascii_text(6), primary_key=True),
    Column("provider_cnes", ascii_text(7), primary_key=True),
    Column("payer_ans", ascii_text(6), primary_key=True),
    *(
        Column(f"{part}_cents", BigInteger, nullable=False)
        for part in ("billed", "paid", "in_dispute", "lost", "awaiting", "withheld", "underpaid")
    ),
    Column("unapplied_cents", BigInteger, nullable=False, server_default="0"),
    Column("patient_cents", BigInteger, nullable=False, server_default="0"),
    # Beside the books: numbers of claims, and what the payer has decided of them.
    *(
        Column(name, BigInteger, nullable=False, server_default="0")
        for name in ("claims", "undecided_claims", "undecided_cents", "processed_cents", "denied_cents")
    ),
    Column("denials_lost_cents", BigInteger, nullable=False, server_default="0"),
    **MYSQL,
)

# `taken_at`: when a process last began to add the month up, so that no other one does at the same time.
book_months = Table(
    "book_months",
    metadata,
    Column("month", ascii_text(6), primary_key=True),
    Column("taken_at", UtcDateTime, nullable=False),
    Column("proven_at", UtcDateTime),
    # The last position in the event log before the sums, and the proof that it belongs to.
    Column("position", BigInteger),
    Column("position_at", UtcDateTime),
    # The proof that the figures beside the books belong to.
    Column("figures_at", UtcDateTime),
    **MYSQL,
)
