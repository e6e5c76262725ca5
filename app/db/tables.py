"""The tables of billing, as SQLAlchemy Core; the migrations create exactly these.

Amounts are integer cents. `version` counts the changes of a row, so that a caller can name the one it has seen.
"""

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from app.db.reference_tables import MYSQL, metadata
from app.db.types import CodeList, EnumText, JsonOf, UtcDateTime, ascii_text, counter, identifier, long_text
from app.domain.claims import ClaimAction, ClaimStatus, ClaimType
from app.domain.denials import DenialAction, DenialStatus
from app.domain.encounter import Encounter
from app.domain.invoices import InvoiceAction, InvoiceLineKind, InvoiceStatus
from app.domain.preflight import Finding
from app.domain.services import ServiceDetails
from app.domain.settlements import PaymentMethod, SettlementStatus

_PARTIES = ("provider_cnes", "payer_ans")
_PRACTITIONER = tuple(f"practitioner_{name}" for name in ("name", "council", "number", "state", "cbo"))

# `processed_cents` = `approved_cents` + `denied_cents` + `patient_cents` (what the patient owes), all empty until the
# payer decides; appeals do not change them. The earlier release leaves `patient_cents` empty, which is 0.
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
    Column("patient_cents", BigInteger),
    # The decided claim that this one corrects; while this one is not cancelled, that one no longer counts.
    Column("replaces_id", ForeignKey("claims.id")),
    # The preflight warnings at submission.
    Column("warnings", JsonOf(tuple[Finding, ...])),
    # Fields of TISS guides that no billing rule uses: who requested the service, and the kind of encounter.
    Column("encounter", JsonOf(Encounter)),
    # The row's `id` once it is cancelled and the payer never had it, empty before: its number can be used again.
    Column("freed_id", identifier(), nullable=False, server_default=""),
    Column("version", Integer, nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("submitted_at", UtcDateTime),
    Column("decided_at", UtcDateTime),
    Index("ix_claims_number", "provider_cnes", "payer_ans", "provider_claim_number", "freed_id", unique=True),
    *(Index(None, each, "id") for each in ("claimed_cents", "provider_claim_number", "payer_claim_number")),
    Index(None, "authorization_number"),
    *(Index(None, each, "created_at", "id") for each in ("status", "type", *_PARTIES, "patient_id")),
    # What follows the id is there to be read: a list that is sorted by one of these and filtered by others looks at the
    # entries of an index, and only at the rows of its page.
    Index("ix_claims_created_at", "created_at", "id", "status", "service_date", "submitted_at", *_PARTIES),
    Index("ix_claims_service_date", "service_date", "id", "status", "created_at", *_PARTIES),
    Index("ix_claims_submitted_at", "submitted_at", "id", "status", "created_at", "service_date", *_PARTIES),
    Index(None, "service_date", "created_at", "id"),
    # Which practitioners there are, see `app/db/practitioners.py`.
    Index("ix_claims_practitioner", "provider_cnes", *_PRACTITIONER, "payer_ans"),
    Index(None, "replaces_id"),
    **MYSQL,
)

# `quantity` is in ten-thousandths (15000 is 1.5), `factor` in hundredths (110 is 1.10).
claim_items = Table(
    "claim_items",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("claim_id", ForeignKey("claims.id"), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("code_system", ascii_text(2), nullable=False),
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
    Column("patient_cents", BigInteger),
    # The number of the item in its document, where that is not `sequence`: numbers of documents may repeat.
    Column("document_sequence", Integer),
    # What the guide says of the item besides; empty if nothing.
    Column("details", JsonOf(ServiceDetails)),
    UniqueConstraint("claim_id", "sequence"),
    Index(None, "performed_on", "id"),
    **MYSQL,
)

# The answered part is won: see `domain/denials.py: shares`. `amount_cents` only falls, when a part of it is recovered
# and becomes a row of its own.
denials = Table(
    "denials",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("claim_id", ForeignKey("claims.id"), nullable=False),
    Column("item_id", ForeignKey("claim_items.id"), nullable=False),
    Column("code", ascii_text(4), nullable=False),
    Column("amount_cents", BigInteger, nullable=False),
    Column("status", EnumText(DenialStatus), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("appeal_deadline", Date, nullable=False, server_default="2099-12-31"),
    Column("appealed_cents", BigInteger),
    Column("justification", String(500)),
    Column("appealed_at", UtcDateTime),
    Column("answered_cents", BigInteger),
    Column("payer_justification", String(500)),
    Column("answered_at", UtcDateTime),
    Column("appeal_instance", Integer, nullable=False, server_default="1"),
    Index(None, "claim_id", "status"),
    Index(None, "item_id"),
    Index("ix_denials_amount", "amount_cents", "id", "claim_id"),
    Index("ix_denials_appeal_deadline", "appeal_deadline", "id", "status", "created_at", "claim_id"),
    Index("ix_denials_created_at", "created_at", "id", "status", "appeal_deadline", "claim_id"),
    Index("ix_denials_code_appeal_deadline", "code", "appeal_deadline", "id", "claim_id"),
    Index("ix_denials_status", "status", "appeal_deadline", "id", "claim_id"),
    **MYSQL,
)

# One row per step, never changed; a draft's go with it. A row has either `action` or `denial_action`; the other
# columns repeat the row of the claim after the step, so that the last step of a claim equals the claim.
claim_history = Table(
    "claim_history",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("claim_id", ForeignKey("claims.id"), nullable=False),
    Column("action", EnumText(ClaimAction)),
    Column("status", EnumText(ClaimStatus), nullable=False),
    Column("version", Integer, nullable=False),
    Column("denial_id", ForeignKey("denials.id")),
    Column("denial_action", EnumText(DenialAction)),
    Column("denial_status", EnumText(DenialStatus)),
    # The denied, appealed, accepted or expired amount of a step on a denial.
    Column("amount_cents", BigInteger),
    Column("claimed_cents", BigInteger, nullable=False),
    Column("processed_cents", BigInteger),
    Column("approved_cents", BigInteger),
    Column("denied_cents", BigInteger),
    Column("payer_claim_number", ascii_text(20)),
    Column("reason", String(500)),
    Column("actor", String(120), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "claim_id", "id"),
    Index(None, "denial_id"),
    **MYSQL,
)

# `total_cents` is the sum of the lines, debits subtracted; `settled_cents` the sum of confirmed settlements, reversals
# subtracted. Both are changed together with their rows, under the lock of the invoice.
invoices = Table(
    "invoices",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("provider_cnes", ForeignKey("providers.cnes"), nullable=False),
    Column("payer_ans", ForeignKey("payers.ans_code"), nullable=False),
    Column("billing_month", ascii_text(6), nullable=False),
    Column("status", EnumText(InvoiceStatus), nullable=False),
    Column("total_cents", BigInteger, nullable=False),
    Column("settled_cents", BigInteger, nullable=False),
    Column("due_date", Date),
    Column("version", Integer, nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("issued_at", UtcDateTime),
    UniqueConstraint("provider_cnes", "number"),
    *(Index(None, each, "id") for each in ("total_cents", "number")),
    *(Index(None, each, "created_at", "id") for each in ("status", *_PARTIES, "billing_month")),
    Index("ix_invoices_created_at", "created_at", "id", "status", "due_date", *_PARTIES),
    Index("ix_invoices_due_date", "due_date", "id", "status", "created_at", *_PARTIES),
    Index("ix_invoices_status_due_date", "status", "due_date", "created_at", "id", "total_cents", *_PARTIES),
    **MYSQL,
)

# `amount_cents` only falls, when the payer denies some of it later. On lines other than DEBIT, `amount_cents` -
# `debited_cents` - `settled_cents` is due.
invoice_lines = Table(
    "invoice_lines",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("invoice_id", ForeignKey("invoices.id"), nullable=False),
    Column("kind", EnumText(InvoiceLineKind), nullable=False, server_default="CLAIM"),
    # Empty on adjustments (CREDIT, DEBIT), which belong to the invoice as a whole.
    Column("claim_id", ForeignKey("claims.id")),
    # The denial whose won appeal this line bills.
    Column("denial_id", ForeignKey("denials.id")),
    # `claim_id` or `denial_id` again while the invoice is active, empty once it is cancelled: the unique indexes keep
    # concurrent requests from billing a claim or a won appeal twice.
    Column("billed_claim_id", identifier()),
    Column("billed_denial_id", identifier()),
    Column("amount_cents", BigInteger, nullable=False),
    # What debits have taken from this line, and what payments have paid.
    Column("debited_cents", BigInteger, nullable=False, server_default="0"),
    Column("settled_cents", BigInteger, nullable=False, server_default="0"),
    Column("reason", String(200)),
    Column("created_at", UtcDateTime),
    UniqueConstraint("billed_claim_id"),
    UniqueConstraint("billed_denial_id"),
    Index(None, "invoice_id"),
    Index(None, "invoice_id", "kind", "id"),
    Index(None, "claim_id"),
    Index(None, "denial_id"),
    Index(None, "kind", "created_at"),
    **MYSQL,
)

# One row per step, never changed; the columns repeat the invoice's row after the step.
invoice_history = Table(
    "invoice_history",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("invoice_id", ForeignKey("invoices.id"), nullable=False),
    Column("action", EnumText(InvoiceAction), nullable=False),
    Column("status", EnumText(InvoiceStatus), nullable=False),
    Column("version", Integer, nullable=False),
    # The settlement or line that the step is about, and its amount.
    Column("settlement_id", identifier()),
    Column("line_id", identifier()),
    Column("amount_cents", BigInteger),
    Column("total_cents", BigInteger, nullable=False),
    Column("settled_cents", BigInteger, nullable=False),
    Column("reason", String(500)),
    Column("actor", String(120), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "invoice_id", "id"),
    **MYSQL,
)

# The ledger: rows are added, never changed. A reversal is a row of its own with `reverses_id` and a positive amount.
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
    # Of the amount, what the payer kept back: the sums of `settlement_deductions`.
    Column("withheld_cents", BigInteger, nullable=False, server_default="0"),
    Column("discount_cents", BigInteger, nullable=False, server_default="0"),
    Column("paid_on", Date, nullable=False),
    Column("method", EnumText(PaymentMethod), nullable=False),
    Column("bank_reference", String(60)),
    Column("statement_number", ascii_text(20)),
    Column("reason", String(200)),
    Column("event_id", identifier(), nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "invoice_id", "id"),
    Index(None, "amount_cents", "id"),
    Index(None, "method", "created_at", "id"),
    Index(None, "provider_cnes", "created_at", "id"),
    Index(None, "payer_ans", "created_at", "id"),
    Index("ix_settlements_created_at", "created_at", "id", "paid_on", "method", *_PARTIES),
    Index("ix_settlements_paid_on", "paid_on", "id", "created_at", "method", *_PARTIES),
    Index(None, "reverses_id"),
    Index(None, "statement_number", "id"),
    **MYSQL,
)

# Which settlement paid which line; the rows of a reversal say what it took back, as positive amounts too.
allocations = Table(
    "allocations",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("settlement_id", ForeignKey("settlements.id"), nullable=False),
    Column("line_id", ForeignKey("invoice_lines.id"), nullable=False),
    Column("amount_cents", BigInteger, nullable=False),
    Column("withheld_cents", BigInteger, nullable=False, server_default="0"),
    Column("discount_cents", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("settlement_id", "line_id"),
    Index(None, "line_id"),
    **MYSQL,
)

# Written in the transaction of the work: a committed row always has its response.
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

# First the outbox, then the event log: rows stay after publication until they are older than the retention.
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
    # Assigned by the relay in publication order, without gaps: ids are in insert order, which is not commit order.
    Column("position", BigInteger),
    Column("published_at", UtcDateTime),
    # An event that cannot be published is parked, with the reason; later events of its aggregate wait for it.
    Column("parked_at", UtcDateTime),
    Column("parked_reason", String(200)),
    UniqueConstraint("event_id"),
    UniqueConstraint("position"),
    Index(None, "published_at", "position"),
    Index(None, "aggregate_id"),
    Index(None, "parked_at"),
    **MYSQL,
)

# One row: which incarnation of the database this is (`app/db/identity.py`).
database_identity = Table(
    "database_identity",
    metadata,
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("incarnation", ascii_text(32), nullable=False),
    # Another one after each load of TUSS terms, see `app/db/tuss.py: known`.
    Column("terms_version", ascii_text(32), nullable=False, server_default=""),
    **MYSQL,
)
