"""The table of what was done to debits and credits of statements that belong to no claim."""

from sqlalchemy import Column, ForeignKey, Index, String, Table

from app.db.reference_tables import MYSQL, metadata
from app.db.types import EnumText, UtcDateTime, identifier
from app.domain.adjustments import AdjustmentStatus, AdjustmentStep

# One row per step, never changed: what takes a step back is a row of its own.
adjustment_history = Table(
    "adjustment_history",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("adjustment_id", ForeignKey("remittance_adjustments.id"), nullable=False),
    Column("action", EnumText(AdjustmentStep), nullable=False),
    # The step that an UNDO takes back.
    Column("undoes_id", identifier()),
    Column("status", EnumText(AdjustmentStatus), nullable=False),
    # What explains it, at most one of these; of a KEEP, the credit that it has made.
    Column("claim_id", identifier()),
    Column("settlement_id", identifier()),
    Column("credit_id", identifier()),
    Column("reason", String(500), nullable=False),
    Column("actor", String(120), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "adjustment_id", "id"),
    **MYSQL,
)
