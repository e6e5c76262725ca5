"""The table of mappings: how the columns of a payer's spreadsheets are read for a provider."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from app.db.reference_tables import MYSQL, metadata
from app.db.types import JsonOf, UtcDateTime, ascii_text, identifier
from app.domain.sheet_columns import MappedColumn

# One for each provider, payer and row of headers: a mistake of one provider does not change how others' files are read.
statement_mappings = Table(
    "statement_mappings",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("provider_cnes", ForeignKey("providers.cnes"), nullable=False),
    Column("payer_ans", ForeignKey("payers.ans_code"), nullable=False),
    # SHA-256 of the names of the columns: see `domain/sheet_columns.py`.
    Column("header_digest", ascii_text(64), nullable=False),
    Column("mapped_columns", JsonOf(tuple[MappedColumn, ...]), nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_by", String(120), nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    UniqueConstraint("provider_cnes", "payer_ans", "header_digest"),
    Index(None, "provider_cnes", "id"),
    Index(None, "payer_ans", "id"),
    **MYSQL,
)
