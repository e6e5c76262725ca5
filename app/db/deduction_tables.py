"""The table of what payers keep back of payments: withheld taxes and discounts."""

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Table, UniqueConstraint

from app.db.reference_tables import MYSQL, metadata
from app.db.types import EnumText, ascii_text, identifier
from app.domain.deductions import DeductionKind

# Rows are added, never changed. Those of a reversal are below zero, so that sums need no other table. Those without a
# settlement are shares of what no claim gets: of a dismissed line of the remittance or of a credit that went back. With
# neither of these, they are what is above all that the remittance pays.
settlement_deductions = Table(
    "settlement_deductions",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("settlement_id", ForeignKey("settlements.id")),
    Column("provider_cnes", ForeignKey("providers.cnes"), nullable=False),
    Column("payer_ans", ForeignKey("payers.ans_code"), nullable=False),
    Column("kind", EnumText(DeductionKind), nullable=False),
    # Of the settlement, a reversal's is its own day; `month` is that of this day, YYYYMM.
    Column("paid_on", Date, nullable=False),
    Column("month", ascii_text(6), nullable=False),
    Column("amount_cents", BigInteger, nullable=False),
    Column("remittance_id", identifier()),
    Column("line_id", identifier()),
    Column("credit_use_id", identifier()),
    UniqueConstraint("settlement_id", "kind"),
    Index(None, "provider_cnes", "paid_on"),
    Index(None, "payer_ans", "paid_on"),
    Index(None, "remittance_id"),
    **MYSQL,
)
