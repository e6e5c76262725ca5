"""The tables of batches (lotes de guias): which claims were sent to the payer together, and in which document."""

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from app.db.reference_tables import MYSQL, metadata
from app.db.types import EnumText, UtcDateTime, ascii_text, identifier, long_bytes
from app.domain.batches import BatchAction, BatchStatus
from app.domain.claims import ClaimType

# `guide_count` and `total_cents` are those of its rows in `batch_claims` that were not refused.
batches = Table(
    "batches",
    metadata,
    Column("id", identifier(), primary_key=True),
    # Without gaps for a provider and payer; taken under the lock of the provider's row.
    Column("number", Integer, nullable=False),
    Column("provider_cnes", ForeignKey("providers.cnes"), nullable=False),
    Column("payer_ans", ForeignKey("payers.ans_code"), nullable=False),
    Column("type", EnumText(ClaimType), nullable=False),
    Column("tiss_version", ascii_text(7), nullable=False),
    Column("status", EnumText(BatchStatus), nullable=False),
    Column("guide_count", Integer, nullable=False),
    Column("total_cents", BigInteger, nullable=False),
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
    *(Index(None, each, "id") for each in ("number", "protocol_number")),
    *(Index(None, each, "created_at", "id") for each in ("status", "type", "provider_cnes", "payer_ans")),
    **MYSQL,
)

batch_claims = Table(
    "batch_claims",
    metadata,
    Column("batch_id", ForeignKey("batches.id"), primary_key=True),
    Column("claim_id", ForeignKey("claims.id"), primary_key=True),
    # Its place in the document, from 1; a claim that is removed before sending leaves a gap.
    Column("sequence", Integer, nullable=False),
    # `claim_id` again while the claim is in this batch, empty once it may be put into another one: the unique index
    # keeps concurrent requests from sending a claim twice.
    Column("active_claim_id", identifier()),
    # The code of Tabela 38 with which the payer refused the claim at reception.
    Column("refusal_code", ascii_text(4)),
    UniqueConstraint("active_claim_id"),
    Index(None, "claim_id"),
    **MYSQL,
)

# Written once, when the batch is sent, and never changed.
batch_documents = Table(
    "batch_documents",
    metadata,
    Column("batch_id", ForeignKey("batches.id"), primary_key=True),
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
batch_history = Table(
    "batch_history",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("batch_id", ForeignKey("batches.id"), nullable=False),
    Column("action", EnumText(BatchAction), nullable=False),
    Column("status", EnumText(BatchStatus), nullable=False),
    Column("version", Integer, nullable=False),
    # The claim that the step is about.
    Column("claim_id", identifier()),
    Column("guide_count", Integer, nullable=False),
    Column("total_cents", BigInteger, nullable=False),
    Column("reason", String(500)),
    Column("actor", String(120), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "batch_id", "id"),
    **MYSQL,
)
