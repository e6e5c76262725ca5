"""The tables of providers' bank accounts: files, their entries, and which payments entries are."""

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from app.db.reference_tables import MYSQL, metadata
from app.db.types import EnumText, UtcDateTime, ascii_text, identifier
from app.domain.bank import BankDirection, BankEntryStatus, BankSource

bank_files = Table(
    "bank_files",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("provider_cnes", ForeignKey("providers.cnes"), nullable=False),
    Column("source", EnumText(BankSource), nullable=False),
    # Of its entries: the same file under another name or in another encoding has the same.
    Column("digest", ascii_text(64), nullable=False),
    Column("entry_count", Integer, nullable=False),
    # Those that no earlier file had.
    Column("new_entry_count", Integer, nullable=False),
    Column("matched_entry_count", Integer, nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("provider_cnes", "digest"),
    **MYSQL,
)

bank_entries = Table(
    "bank_entries",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("file_id", ForeignKey("bank_files.id"), nullable=False),
    Column("provider_cnes", ForeignKey("providers.cnes"), nullable=False),
    # Of the payments that it is matched to; empty before.
    Column("payer_ans", ForeignKey("payers.ans_code")),
    Column("status", EnumText(BankEntryStatus), nullable=False),
    Column("account", String(40), nullable=False),
    Column("booked_on", Date, nullable=False),
    Column("direction", EnumText(BankDirection), nullable=False),
    Column("amount_cents", BigInteger, nullable=False),
    Column("document", String(60), nullable=False),
    Column("description", String(200), nullable=False),
    # What tells the entry from all others of the provider: see `domain/bank.py: identities`.
    Column("identity", ascii_text(64), nullable=False),
    # The active match.
    Column("match_id", identifier()),
    Column("dismissal_reason", String(500)),
    Column("version", Integer, nullable=False),
    Column("changed_by", String(120), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    UniqueConstraint("provider_cnes", "identity"),
    Index(None, "match_id"),
    Index(None, "booked_on", "id"),
    Index(None, "amount_cents", "id"),
    *(Index(None, each, "booked_on", "id") for each in ("provider_cnes", "payer_ans", "status", "direction")),
    **MYSQL,
)

# One row for each payment of a match, never deleted: what was taken back has `undone_at`.
bank_matches = Table(
    "bank_matches",
    metadata,
    Column("id", identifier(), primary_key=True),
    # The same for all payments that the same entries are.
    Column("match_id", identifier(), nullable=False),
    Column("remittance_id", ForeignKey("remittances.id"), nullable=False),
    # `remittance_id` again until the match is taken back: a payment is matched once, whoever is faster.
    Column("active_remittance_id", identifier()),
    Column("net_cents", BigInteger, nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("undone_by", String(120)),
    Column("undone_at", UtcDateTime),
    UniqueConstraint("active_remittance_id"),
    Index(None, "match_id"),
    Index(None, "remittance_id"),
    **MYSQL,
)
