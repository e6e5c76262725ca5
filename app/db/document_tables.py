"""The tables of uploaded documents: what is known of each, its bytes in chunks, and the uploads that have not ended."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from app.db.reference_tables import MYSQL, metadata
from app.db.types import EnumText, UtcDateTime, ascii_text, identifier, long_bytes
from app.domain.documents import DocumentKind

# Provider and payer are known once the document was read, or if the token of whoever uploaded it names only one. They
# are those of the document, which may name a party that is not here: no foreign keys.
documents = Table(
    "documents",
    metadata,
    Column("id", identifier(), primary_key=True),
    # SHA-256 of the bytes as they were sent.
    Column("digest", ascii_text(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("kind", EnumText(DocumentKind), nullable=False),
    Column("provider_cnes", ascii_text(7)),
    Column("payer_ans", ascii_text(6)),
    Column("created_by", String(120), nullable=False),
    # The only provider and the payer of the token that uploaded it, such as `2077485/` or `/326305`: the same bytes of
    # another token of the same subject are another document, which other colleagues see.
    Column("uploaded_for", ascii_text(14), nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    # When it was uploaded last; null once something of the database was found to refer to it.
    Column("unused_since", UtcDateTime),
    Index("ix_documents_same", "created_by", "digest", "uploaded_for", unique=True),
    Index(None, "unused_since"),
    **MYSQL,
)

# One zlib stream, cut into rows, so that no statement is longer than a server accepts. Chunks come before their
# document, whose digest and size are known at the end: no foreign key.
document_chunks = Table(
    "document_chunks",
    metadata,
    Column("document_id", identifier(), primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("content", long_bytes(), nullable=False),
    **MYSQL,
)

# A row while the chunks of a document arrive; what an upload that never ended has left is found by it.
document_uploads = Table(
    "document_uploads",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("started_at", UtcDateTime, nullable=False),
    Index(None, "started_at"),
    **MYSQL,
)
