"""The tables of parties and reference data: payers, providers, contracts, patients, coverages, terms, eligibility."""

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

from app.db.types import CodeList, EnumText, UtcDateTime, ascii_text, identifier, long_text
from app.domain.appeal_terms import ContractAppealClock, ContractAppealDaysKind
from app.domain.contracts import TissVersion
from app.domain.eligibility import EligibilityOutcome, EligibilitySource

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_PARTIES = ("provider_cnes", "payer_ans")
MYSQL: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def _version() -> Column[int]:
    return Column("version", Integer, nullable=False, server_default="1")


def _deactivated_at() -> Column[Any]:
    """New claims that name a deactivated party are refused; everything older stays as it is."""
    return Column("deactivated_at", UtcDateTime)


# The days are the payer's standard terms, for providers without a contract.
payers = Table(
    "payers",
    metadata,
    Column("ans_code", ascii_text(6), primary_key=True),
    Column("name", String(160), nullable=False),
    Column("submission_window_days", Integer, nullable=False),
    Column("appeal_deadline_days", Integer, nullable=False, server_default="30"),
    Column("payment_term_days", Integer, nullable=False),
    # Whether the payer answers eligibility questions; otherwise the answer is UNDETERMINED.
    Column("is_answering", Boolean, nullable=False),
    *(_version(), _deactivated_at()),
    Index(None, "name", "ans_code"),
    **MYSQL,
)

providers = Table(
    "providers",
    metadata,
    Column("cnes", ascii_text(7), primary_key=True),
    Column("name", String(160), nullable=False),
    Column("tax_id", ascii_text(14), nullable=False),
    # Counters, raised under the row's lock: numbers of a provider have no gaps.
    Column("last_invoice_number", Integer, nullable=False),
    Column("last_batch_number", Integer, nullable=False, server_default="0"),
    # Where it is, by the code of table 59: its holidays count when a contract counts business days.
    Column("state", ascii_text(2)),
    *(_version(), _deactivated_at()),
    Index(None, "name", "cnes"),
    **MYSQL,
)

contracts = Table(
    "contracts",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("provider_cnes", ForeignKey("providers.cnes"), nullable=False),
    Column("payer_ans", ForeignKey("payers.ans_code"), nullable=False),
    Column("submission_window_days", Integer, nullable=False),
    Column("appeal_deadline_days", Integer, nullable=False),
    Column("payment_term_days", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_by", String(120), nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    # The last day of service that new claims may have.
    Column("ends_on", Date),
    # What the payer calls the provider in documents (codigoPrestadorNaOperadora).
    Column("provider_code", ascii_text(14)),
    # Whether the payer's cards are known here; of contracts that an earlier release wrote they are.
    Column("holds_membership", Boolean, nullable=False, server_default="1"),
    Column("tiss_version", EnumText(TissVersion), nullable=False, server_default="V4_03_00"),
    # When the time to appeal starts, and which days it counts.
    Column("appeal_clock", EnumText(ContractAppealClock), nullable=False, server_default="ISSUE"),
    Column("appeal_days_kind", EnumText(ContractAppealDaysKind), nullable=False, server_default="CALENDAR"),
    # How often a denial that the payer upholds can be appealed: once, or once more.
    Column("appeal_instances", Integer, nullable=False, server_default="1"),
    # The code of Tabela 38 with which what the payer leaves out of an item is a denial; without it, a person decides.
    Column("recalculation_code", ascii_text(4)),
    UniqueConstraint("provider_cnes", "payer_ans"),
    Index(None, "provider_cnes", "id"),
    Index(None, "payer_ans", "provider_cnes", "id"),
    **MYSQL,
)

# Periods include both days and do not overlap for one code; without `valid_to` a price has no end.
contract_prices = Table(
    "contract_prices",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("contract_id", ForeignKey("contracts.id"), nullable=False),
    Column("code_system", ascii_text(2), nullable=False),
    Column("code", ascii_text(10), nullable=False),
    Column("unit_price_cents", BigInteger, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date),
    # Per item, in ten-thousandths.
    Column("quantity_max", Integer),
    Column("needs_authorization", Boolean, nullable=False),
    Index(None, "contract_id", "code", "code_system"),
    **MYSQL,
)

patients = Table(
    "patients",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("name", String(70), nullable=False),
    Column("cpf", ascii_text(11)),
    Column("birth_date", Date),
    *(_version(), _deactivated_at()),
    # The patient that this one was merged into: never one that was merged itself.
    Column("merged_into_id", identifier()),
    # The CPF of a patient whom a caller has registered: no two of them have the same. Empty for older rows.
    Column("registered_cpf", ascii_text(11)),
    Index(None, "cpf"),
    Index(None, "birth_date"),
    Index(None, "merged_into_id"),
    Index(None, "registered_cpf", unique=True),
    **MYSQL,
)

# Every date includes its own day; `waiting_until` is the last day of the waiting period.
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
    _version(),
    UniqueConstraint("payer_ans", "card_number"),
    Index(None, "card_number"),
    Index(None, "patient_id"),
    **MYSQL,
)

tuss_terms = Table(
    "tuss_terms",
    metadata,
    Column("code_system", ascii_text(2), primary_key=True),
    Column("code", ascii_text(10), primary_key=True),
    Column("term", long_text(), nullable=False),
    # The term in lower case without accents, for searching by words.
    Column("search_text", long_text(), nullable=False),
    Column("valid_from", Date),
    Column("valid_to", Date),
    Index(None, "code"),
    **MYSQL,
)

# One row per question, never changed. An answer from the cache is a row of its own, whose `asked_payer_at` is the
# time of the earlier question to the payer.
eligibility_checks = Table(
    "eligibility_checks",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("payer_ans", ForeignKey("payers.ans_code"), nullable=False),
    Column("provider_cnes", ForeignKey("providers.cnes"), nullable=False),
    Column("patient_id", ForeignKey("patients.id")),
    Column("card_number", ascii_text(20), nullable=False),
    Column("service_date", Date, nullable=False),
    Column("code_system", ascii_text(2)),
    Column("procedure_code", ascii_text(10)),
    Column("outcome", EnumText(EligibilityOutcome), nullable=False),
    Column("reasons", CodeList, nullable=False),
    Column("source", EnumText(EligibilitySource), nullable=False),
    Column("plan_name", String(80)),
    Column("card_valid_until", Date),
    Column("asked_payer_at", UtcDateTime, nullable=False),
    Column("answered_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("created_by", String(120), nullable=False),
    Index(None, "outcome", "answered_at", "id"),
    Index(None, "provider_cnes", "answered_at", "id"),
    Index(None, "payer_ans", "answered_at", "id"),
    Index(None, "patient_id", "answered_at", "id"),
    # What follows the id is there to be read, see `app/db/tables.py: claims`.
    Index("ix_eligibility_checks_answered_at", "answered_at", "id", "service_date", "outcome", *_PARTIES),
    Index("ix_eligibility_checks_service_date", "service_date", "id", "answered_at", "outcome", *_PARTIES),
    **MYSQL,
)
