"""The tables of appeals (recursos de glosa): which of them were sent together, and in which document."""

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from app.db.reference_tables import MYSQL, metadata
from app.db.types import EnumText, UtcDateTime, ascii_text, identifier, long_bytes
from app.domain.appeal_batches import AppealBatchAction, AppealBatchStatus
from app.domain.documents import DocumentKind

# `denial_count` and `total_cents` are those of its rows in `appeal_batch_denials`, as they were sent.
appeal_batches = Table(
    "appeal_batches",
    metadata,
    Column("id", identifier(), primary_key=True),
    # Without gaps for a provider and payer; taken under the lock of the provider's row.
    Column("number", Integer, nullable=False),
    Column("provider_cnes", ForeignKey("providers.cnes"), nullable=False),
    Column("payer_ans", ForeignKey("payers.ans_code"), nullable=False),
    # The payer's protocol of the claims whose denials are appealed.
    Column("contested_protocol", ascii_text(12), nullable=False),
    Column("tiss_version", ascii_text(7), nullable=False),
    Column("status", EnumText(AppealBatchStatus), nullable=False),
    Column("denial_count", Integer, nullable=False),
    Column("total_cents", BigInteger, nullable=False),
    # Whether these are the first appeals against their denials (1), or those of the second instance (2).
    Column("appeal_instance", Integer, nullable=False, server_default="1"),
    # The payer's protocol of this batch.
    Column("protocol_number", ascii_text(12)),
    Column("protocol_on", Date),
    # Why it was rejected or cancelled.
    Column("reason", String(500)),
    Column("version", Integer, nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime),
    Column("changed_at", UtcDateTime, nullable=False),
    UniqueConstraint("provider_cnes", "payer_ans", "number"),
    Index(None, "created_at", "id"),
    *(Index(None, each, "created_at", "id") for each in ("status", "provider_cnes", "payer_ans")),
    **MYSQL,
)

appeal_batch_denials = Table(
    "appeal_batch_denials",
    metadata,
    Column("batch_id", ForeignKey("appeal_batches.id"), primary_key=True),
    Column("denial_id", ForeignKey("denials.id"), primary_key=True),
    # Its place in the document, from 1.
    Column("sequence", Integer, nullable=False),
    # `denial_id` again until the appeal is answered or the batch ends: the unique index keeps concurrent requests from
    # sending an appeal twice.
    Column("active_denial_id", identifier()),
    # What the answer to the appeal in this batch accepts: the same document again, whenever it comes, changes nothing.
    Column("answered_cents", BigInteger),
    UniqueConstraint("active_denial_id"),
    Index(None, "denial_id"),
    **MYSQL,
)

# Written once, when the batch is sent, and never changed.
appeal_batch_documents = Table(
    "appeal_batch_documents",
    metadata,
    Column("batch_id", ForeignKey("appeal_batches.id"), primary_key=True),
    Column("file_name", ascii_text(60), nullable=False),
    # The hash in the document's epilogue.
    Column("hash", ascii_text(32), nullable=False),
    # Of the document before it was compressed by zlib.
    Column("sha256", ascii_text(64), nullable=False),
    Column("content", long_bytes(), nullable=False),
    Column("written_at", UtcDateTime, nullable=False),
    **MYSQL,
)

# One row per step, never changed; the columns repeat the batch's row after the step.
appeal_batch_history = Table(
    "appeal_batch_history",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("batch_id", ForeignKey("appeal_batches.id"), nullable=False),
    Column("action", EnumText(AppealBatchAction), nullable=False),
    Column("status", EnumText(AppealBatchStatus), nullable=False),
    Column("version", Integer, nullable=False),
    Column("denial_count", Integer, nullable=False),
    Column("total_cents", BigInteger, nullable=False),
    Column("reason", String(500)),
    Column("actor", String(120), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "batch_id", "id"),
    **MYSQL,
)

# Appeals whose denial was upheld and can be appealed once more; that appeal is in the row of the denial.
earlier_appeals = Table(
    "earlier_appeals",
    metadata,
    Column("denial_id", ForeignKey("denials.id"), primary_key=True),
    Column("appeal_instance", Integer, primary_key=True, autoincrement=False),
    Column("appealed_cents", BigInteger, nullable=False),
    Column("justification", String(500)),
    Column("appealed_at", UtcDateTime, nullable=False),
    Column("answered_cents", BigInteger, nullable=False),
    Column("payer_justification", String(500)),
    Column("answered_at", UtcDateTime, nullable=False),
    Column("appeal_deadline", Date, nullable=False),
    **MYSQL,
)

# Files with appeals; the row of a removed one stays, without its document.
appeal_attachments = Table(
    "appeal_attachments",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("denial_id", ForeignKey("denials.id"), nullable=False),
    Column("appeal_instance", Integer, nullable=False),
    Column("document_id", ForeignKey("documents.id")),
    Column("file_name", String(100), nullable=False),
    Column("digest", ascii_text(64), nullable=False),
    Column("size", Integer, nullable=False),
    Column("kind", EnumText(DocumentKind), nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("removed_at", UtcDateTime),
    Index(None, "denial_id", "id"),
    Index(None, "document_id"),
    **MYSQL,
)

# Texts with fields such as {claimNumber}: see `domain/appeal_templates.py`.
appeal_templates = Table(
    "appeal_templates",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("provider_cnes", ForeignKey("providers.cnes"), nullable=False),
    # The code of Tabela 38 of the denials that it is for.
    Column("code", ascii_text(4), nullable=False),
    Column("text", String(500), nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Index(None, "provider_cnes", "code", "id"),
    Index(None, "code", "id"),
    **MYSQL,
)
