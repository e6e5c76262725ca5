"""The tables, as SQLAlchemy Core; the migrations bring a database to exactly this."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from app.db.types import CodeList, EnumText, UtcDateTime, ascii_text, counter, identifier, long_text
from app.domain.claims import ClaimStatus, ClaimType, GlosaStatus
from app.domain.eligibility import Outcome, Source
from app.domain.invoices import InvoiceStatus
from app.domain.settlements import PaymentMethod, SettlementStatus

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}

payers = Table(
    "payers",
    metadata,
    Column("ans_code", ascii_text(6), primary_key=True),
    Column("name", String(160), nullable=False),
    Column("submission_window_days", Integer, nullable=False),
    Column("payment_term_days", Integer, nullable=False),
    Column("is_answering", Boolean, nullable=False),
    **MYSQL,
)

providers = Table(
    "providers",
    metadata,
    Column("cnes", ascii_text(7), primary_key=True),
    Column("name", String(160), nullable=False),
    Column("tax_id", ascii_text(14), nullable=False),
    Column("last_invoice_number", Integer, nullable=False),
    **MYSQL,
)

patients = Table(
    "patients",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("name", String(70), nullable=False),
    Column("cpf", ascii_text(11)),
    Column("birth_date", Date),
    **MYSQL,
)

coverages = Table(
    "coverages",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("patient_id", ForeignKey("patients.id"), nullable=False),
    Column("payer_ans", ForeignKey("payers.ans_code"), nullable=False),
    Column("plan_name", String(80), nullable=False),
    Column("card_number", ascii_text(20), nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date),
    Column("card_valid_until", Date),
    Column("waiting_until", Date),
    Column("suspended_from", Date),
    Column("suspended_until", Date),
    UniqueConstraint("payer_ans", "card_number"),
    Index(None, "patient_id"),
    **MYSQL,
)

tuss_terms = Table(
    "tuss_terms",
    metadata,
    Column("table_code", ascii_text(2), primary_key=True),
    Column("code", ascii_text(10), primary_key=True),
    Column("term", long_text(), nullable=False),
    Column("search_text", long_text(), nullable=False),
    Column("valid_from", Date),
    Column("valid_to", Date),
    Index(None, "code"),
    **MYSQL,
)

eligibility_checks = Table(
    "eligibility_checks",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("payer_ans", ForeignKey("payers.ans_code"), nullable=False),
    Column("provider_cnes", ForeignKey("providers.cnes"), nullable=False),
    Column("patient_id", ForeignKey("patients.id")),
    Column("card_number", ascii_text(20), nullable=False),
    Column("service_date", Date, nullable=False),
    Column("table_code", ascii_text(2)),
    Column("procedure_code", ascii_text(10)),
    Column("outcome", EnumText(Outcome), nullable=False),
    Column("reasons", CodeList, nullable=False),
    Column("source", EnumText(Source), nullable=False),
    Column("plan_name", String(80)),
    Column("card_valid_until", Date),
    Column("asked_payer_at", UtcDateTime, nullable=False),
    Column("answered_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("created_by", String(120), nullable=False),
    Index(None, "answered_at", "id"),
    Index(None, "provider_cnes", "answered_at", "id"),
    Index(None, "payer_ans", "answered_at", "id"),
    Index(None, "patient_id", "answered_at", "id"),
    **MYSQL,
)

claims = Table(
    "claims",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("type", EnumText(ClaimType), nullable=False),
    Column("status", EnumText(ClaimStatus), nullable=False),
    Column("provider_cnes", ForeignKey("providers.cnes"), nullable=False),
    Column("payer_ans", ForeignKey("payers.ans_code"), nullable=False),
    Column("patient_id", ForeignKey("patients.id"), nullable=False),
    Column("provider_claim_number", ascii_text(20), nullable=False),
    Column("payer_claim_number", ascii_text(20)),
    Column("card_number", ascii_text(20), nullable=False),
    Column("practitioner_name", String(70)),
    Column("practitioner_council", ascii_text(2)),
    Column("practitioner_number", ascii_text(15)),
    Column("practitioner_state", ascii_text(2)),
    Column("practitioner_cbo", ascii_text(6)),
    Column("authorization_number", ascii_text(20)),
    Column("authorization_date", Date),
    Column("authorization_valid_until", Date),
    Column("service_date", Date, nullable=False),
    Column("clinical_indication", String(500)),
    Column("diagnosis_codes", CodeList, nullable=False),
    Column("claimed_cents", BigInteger, nullable=False),
    Column("processed_cents", BigInteger),
    Column("approved_cents", BigInteger),
    Column("denied_cents", BigInteger),
    Column("version", Integer, nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("submitted_at", UtcDateTime),
    Column("decided_at", UtcDateTime),
    UniqueConstraint("provider_cnes", "payer_ans", "provider_claim_number", name="uq_claims_number"),
    *(
        Index(None, *columns, "id")
        for columns in (
            ("created_at",),
            ("service_date",),
            ("submitted_at",),
            ("claimed_cents",),
            ("status", "created_at"),
            ("type", "created_at"),
            ("provider_cnes", "created_at"),
            ("payer_ans", "created_at"),
            ("patient_id", "created_at"),
        )
    ),
    **MYSQL,
)

claim_items = Table(
    "claim_items",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("claim_id", ForeignKey("claims.id"), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("table_code", ascii_text(2), nullable=False),
    Column("code", ascii_text(10), nullable=False),
    Column("description", String(150), nullable=False),
    Column("performed_on", Date, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_price_cents", BigInteger, nullable=False),
    Column("factor", Integer, nullable=False),
    Column("total_cents", BigInteger, nullable=False),
    Column("processed_cents", BigInteger),
    Column("approved_cents", BigInteger),
    Column("denied_cents", BigInteger),
    UniqueConstraint("claim_id", "sequence"),
    **MYSQL,
)

glosas = Table(
    "glosas",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("claim_id", ForeignKey("claims.id"), nullable=False),
    Column("item_id", ForeignKey("claim_items.id"), nullable=False),
    Column("code", ascii_text(4), nullable=False),
    Column("amount_cents", BigInteger, nullable=False),
    Column("status", EnumText(GlosaStatus), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "claim_id", "status"),
    Index(None, "item_id"),
    Index(None, "code"),
    **MYSQL,
)

invoices = Table(
    "invoices",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("provider_cnes", ForeignKey("providers.cnes"), nullable=False),
    Column("payer_ans", ForeignKey("payers.ans_code"), nullable=False),
    Column("competence", ascii_text(6), nullable=False),
    Column("status", EnumText(InvoiceStatus), nullable=False),
    Column("total_cents", BigInteger, nullable=False),
    Column("settled_cents", BigInteger, nullable=False),
    Column("due_date", Date),
    Column("version", Integer, nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("issued_at", UtcDateTime),
    UniqueConstraint("provider_cnes", "number"),
    *(
        Index(None, *columns, "id")
        for columns in (
            ("created_at",),
            ("due_date",),
            ("total_cents",),
            ("status", "created_at"),
            ("provider_cnes", "created_at"),
            ("payer_ans", "created_at"),
            ("competence", "created_at"),
        )
    ),
    **MYSQL,
)

invoice_lines = Table(
    "invoice_lines",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("invoice_id", ForeignKey("invoices.id"), nullable=False),
    Column("claim_id", ForeignKey("claims.id"), nullable=False),
    # The claim again while the invoice lives, empty once it is cancelled: the unique index keeps a claim from being
    # billed twice whatever runs at the same time.
    Column("billed_claim_id", identifier()),
    Column("amount_cents", BigInteger, nullable=False),
    UniqueConstraint("billed_claim_id"),
    Index(None, "invoice_id"),
    Index(None, "claim_id"),
    **MYSQL,
)

settlements = Table(
    "settlements",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("invoice_id", ForeignKey("invoices.id"), nullable=False),
    Column("provider_cnes", ForeignKey("providers.cnes"), nullable=False),
    Column("payer_ans", ForeignKey("payers.ans_code"), nullable=False),
    Column("reverses_id", ForeignKey("settlements.id")),
    Column("status", EnumText(SettlementStatus), nullable=False),
    Column("amount_cents", BigInteger, nullable=False),
    Column("paid_on", Date, nullable=False),
    Column("method", EnumText(PaymentMethod), nullable=False),
    Column("bank_reference", String(60)),
    Column("statement_number", ascii_text(20)),
    Column("reason", String(200)),
    Column("event_id", identifier(), nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "invoice_id", "id"),
    Index(None, "created_at", "id"),
    Index(None, "provider_cnes", "created_at", "id"),
    Index(None, "payer_ans", "created_at", "id"),
    Index(None, "reverses_id"),
    **MYSQL,
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("subject", String(120), primary_key=True),
    Column("operation", ascii_text(40), primary_key=True),
    Column("key", ascii_text(80), primary_key=True),
    Column("request_hash", ascii_text(64), nullable=False),
    Column("response", long_text()),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "created_at"),
    **MYSQL,
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", counter(), primary_key=True, autoincrement=True),
    Column("event_id", identifier(), nullable=False),
    Column("name", ascii_text(60), nullable=False),
    Column("aggregate_id", identifier(), nullable=False),
    Column("provider_cnes", ascii_text(7)),
    Column("payer_ans", ascii_text(6)),
    Column("patient_id", identifier()),
    Column("data", long_text(), nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    # Given by the relay in publication order, without gaps; insert order is not commit order.
    Column("position", BigInteger),
    Column("published_at", UtcDateTime),
    UniqueConstraint("event_id"),
    UniqueConstraint("position"),
    Index(None, "published_at", "position"),
    Index(None, "aggregate_id"),
    **MYSQL,
)
