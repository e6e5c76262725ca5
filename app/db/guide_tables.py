"""The table of TISS guides: what a claim's document says besides the columns of the claim."""

from sqlalchemy import Column, ForeignKey, Table

from app.db.reference_tables import MYSQL, metadata
from app.db.types import UtcDateTime, ascii_text, identifier, long_bytes

# `content` is the guide's element as XML, compressed by zlib; a document of the claim begins with it, so that nothing
# that the sender wrote is lost.
claim_guides = Table(
    "claim_guides",
    metadata,
    Column("claim_id", ForeignKey("claims.id"), primary_key=True),
    # The version of TISS in which the guide came.
    Column("version", ascii_text(8), nullable=False),
    Column("content", long_bytes(), nullable=False),
    Column("document_id", identifier()),
    Column("created_at", UtcDateTime, nullable=False),
    **MYSQL,
)
