"""The tables of payers' statements (demonstrativos): their lines, and what is deducted or added beside the claims."""

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from app.db.reference_tables import MYSQL, metadata
from app.db.types import EnumText, JsonOf, UtcDateTime, ascii_text, identifier
from app.domain.adjustments import AdjustmentStatus
from app.domain.claims import DeniedAmount
from app.domain.line_work import LineResolution
from app.domain.remittances import RemittanceLineProblem, RemittanceLineStatus, RemittanceSource, RemittanceStatus
from app.domain.settlements import PaymentMethod
from app.domain.statement import AdjustmentDirection, AdjustmentLevel, StatementFinding, StatementKind

remittances = Table(
    "remittances",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("payer_ans", ForeignKey("payers.ans_code"), nullable=False),
    Column("provider_cnes", ForeignKey("providers.cnes"), nullable=False),
    Column("statement_number", ascii_text(20), nullable=False),
    Column("source", EnumText(RemittanceSource), nullable=False),
    Column("status", EnumText(RemittanceStatus), nullable=False),
    # Empty on a statement that only decides claims.
    Column("paid_on", Date),
    Column("method", EnumText(PaymentMethod), nullable=False),
    Column("bank_reference", String(60)),
    Column("paid_cents", BigInteger, nullable=False),
    Column("denied_cents", BigInteger, nullable=False),
    # A digest of the lines: distinguishes the same statement sent again from another one under the same number.
    Column("content_hash", ascii_text(64), nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("posted_at", UtcDateTime),
    # The row's `id` once it is cancelled, empty before: the number of a cancelled statement can be imported again.
    Column("cancelled_id", identifier(), nullable=False, server_default=""),
    Column("cancelled_at", UtcDateTime),
    Column("cancelled_by", String(120)),
    Column("cancel_reason", String(500)),
    # Of the row or of one of its lines; the earlier release leaves it empty.
    Column("changed_at", UtcDateTime),
    # What only a document says; empty on rows of the earlier release.
    Column("kind", EnumText(StatementKind)),
    Column("issued_on", Date),
    Column("net_cents", BigInteger),
    # A digest of what the payer said, whatever number it has here: see `Statement.document_hash`.
    Column("document_hash", ascii_text(64)),
    Column("findings", JsonOf(tuple[StatementFinding, ...])),
    # Who released it from REVIEW, and why.
    Column("released_at", UtcDateTime),
    Column("released_by", String(120)),
    Column("release_reason", String(500)),
    Index("ix_remittances_number", "payer_ans", "provider_cnes", "statement_number", "cancelled_id", unique=True),
    Index("ix_remittances_document", "payer_ans", "provider_cnes", "document_hash", "cancelled_id", unique=True),
    Index(None, "created_at", "id"),
    Index(None, "paid_on", "id"),
    Index(None, "statement_number", "id"),
    Index(None, "status", "created_at", "id"),
    Index(None, "source", "created_at", "id"),
    Index(None, "provider_cnes", "created_at", "id"),
    Index(None, "payer_ans", "created_at", "id"),
    Index(None, "provider_cnes", "paid_on", "id"),
    **MYSQL,
)

# A line names its claim by at least one number; `claim_id` is the match, found by number or made by `matched_by`.
remittance_lines = Table(
    "remittance_lines",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("remittance_id", ForeignKey("remittances.id"), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("provider_claim_number", ascii_text(20)),
    Column("payer_claim_number", ascii_text(20)),
    Column("item_sequence", Integer),
    Column("item_code", ascii_text(10)),
    Column("paid_cents", BigInteger, nullable=False),
    Column("denials", JsonOf(tuple[DeniedAmount, ...]), nullable=False),
    Column("patient_cents", BigInteger, nullable=False, server_default="0"),
    Column("status", EnumText(RemittanceLineStatus), nullable=False),
    Column("problem", EnumText(RemittanceLineProblem)),
    Column("claim_id", ForeignKey("claims.id")),
    Column("matched_by", String(120)),
    Column("posted_at", UtcDateTime),
    Column("dismissed_at", UtcDateTime),
    Column("dismissed_by", String(120)),
    Column("dismissal_reason", String(500)),
    # What only a document says; empty on rows of the earlier release.
    Column("billed_cents", BigInteger),
    Column("processed_cents", BigInteger),
    Column("quantity", BigInteger),
    Column("performed_on", Date),
    Column("card_number", String(20)),
    Column("protocol_number", String(20)),
    # The payer's authorization (senha), of a line that names its claim by nothing else.
    Column("authorization_number", ascii_text(20)),
    Column("code_system", ascii_text(2)),
    Column("description", String(150)),
    Column("findings", JsonOf(tuple[StatementFinding, ...])),
    # Since when it waits for a person, who that is, and until which day it is set aside; lines of the earlier release
    # wait since they were imported.
    Column("waiting_since", UtcDateTime),
    Column("assigned_to", String(120)),
    Column("set_aside_until", Date),
    # The code of its first denial.
    Column("reason_code", ascii_text(4)),
    # How a person has said that it is to be read.
    Column("resolution", JsonOf(LineResolution)),
    # The line of which this one is a part.
    Column("split_from_id", identifier()),
    UniqueConstraint("remittance_id", "sequence"),
    Index(None, "remittance_id", "status", "sequence"),
    Index(None, "provider_claim_number", "status"),
    Index(None, "payer_claim_number", "status"),
    Index(None, "authorization_number", "status"),
    Index(None, "protocol_number"),
    Index(None, "status", "id"),
    *(Index(None, "status", each, "id") for each in ("waiting_since", "problem", "assigned_to", "reason_code")),
    Index(None, "claim_id"),
    Index(None, "split_from_id"),
    **MYSQL,
)

# Debits, credits and taxes of a statement, as the payer wrote them: amounts are positive, `direction` is their sign.
remittance_adjustments = Table(
    "remittance_adjustments",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("remittance_id", ForeignKey("remittances.id"), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("direction", EnumText(AdjustmentDirection), nullable=False),
    Column("level", EnumText(AdjustmentLevel), nullable=False),
    # tipoDebitoCredito, as it was written.
    Column("type", String(2)),
    Column("description", String(100)),
    Column("amount_cents", BigInteger, nullable=False),
    # How far it is explained; taxes and discounts explain themselves.
    Column("status", EnumText(AdjustmentStatus), nullable=False, server_default=AdjustmentStatus.OPEN),
    Column("version", Integer, nullable=False, server_default="1"),
    # The line that it was, where a payer takes money back of a claim that nobody knows.
    Column("line_id", identifier()),
    UniqueConstraint("remittance_id", "sequence"),
    Index(None, "status", "id"),
    Index(None, "line_id"),
    **MYSQL,
)
