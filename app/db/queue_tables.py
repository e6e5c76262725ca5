"""The tables of the queue: what was done to lines of statements, and money of payers that no claim gets yet."""

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Integer, String, Table

from app.db.reference_tables import MYSQL, metadata
from app.db.types import EnumText, JsonOf, UtcDateTime, identifier
from app.domain.credits import CreditStep
from app.domain.line_work import LineResolution, LineStep
from app.domain.remittances import RemittanceLineProblem, RemittanceLineStatus

# One row per step, never changed; the columns repeat the line's row after the step.
remittance_line_history = Table(
    "remittance_line_history",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("line_id", ForeignKey("remittance_lines.id"), nullable=False),
    Column("action", EnumText(LineStep), nullable=False),
    # The step that an UNDO takes back.
    Column("undoes_id", identifier()),
    Column("status", EnumText(RemittanceLineStatus), nullable=False),
    Column("problem", EnumText(RemittanceLineProblem)),
    Column("claim_id", identifier()),
    Column("assigned_to", String(120)),
    Column("set_aside_until", Date),
    Column("resolution", JsonOf(LineResolution)),
    # The line of which this one is a duplicate.
    Column("other_id", identifier()),
    # A reason or a note.
    Column("text", String(500)),
    # What an undo restores: problem, claim, resolution, assignment and day before the step.
    Column("problem_before", EnumText(RemittanceLineProblem)),
    Column("claim_id_before", identifier()),
    Column("matched_by_before", String(120)),
    Column("assigned_to_before", String(120)),
    Column("set_aside_before", Date),
    Column("resolution_before", JsonOf(LineResolution)),
    Column("actor", String(120), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "line_id", "id"),
    **MYSQL,
)

# Money that a statement pays and no claim gets; `used_cents` is the sum of its moves.
unapplied_credits = Table(
    "unapplied_credits",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("provider_cnes", ForeignKey("providers.cnes"), nullable=False),
    Column("payer_ans", ForeignKey("payers.ans_code"), nullable=False),
    Column("remittance_id", ForeignKey("remittances.id"), nullable=False),
    # What of the statement paid it: a line, or a credit beside the claims.
    Column("line_id", ForeignKey("remittance_lines.id")),
    Column("adjustment_id", identifier()),
    Column("claim_id", identifier()),
    Column("amount_cents", BigInteger, nullable=False),
    Column("used_cents", BigInteger, nullable=False),
    Column("paid_on", Date, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index(None, "created_at", "id"),
    *(Index(None, each, "created_at", "id") for each in ("provider_cnes", "payer_ans")),
    Index(None, "remittance_id"),
    Index(None, "line_id"),
    Index(None, "adjustment_id"),
    **MYSQL,
)

# One row per use of a credit and per reversal of a use, never changed.
unapplied_credit_moves = Table(
    "unapplied_credit_moves",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("credit_id", ForeignKey("unapplied_credits.id"), nullable=False),
    Column("action", EnumText(CreditStep), nullable=False),
    # The move that a REVERSE takes back.
    Column("reverses_id", identifier()),
    # The settlement, or the reversal of one, that the move made.
    Column("settlement_id", identifier()),
    Column("amount_cents", BigInteger, nullable=False),
    # What of the credit is used after the move.
    Column("used_cents", BigInteger, nullable=False),
    Column("reason", String(200)),
    Column("actor", String(120), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "credit_id", "id"),
    Index(None, "settlement_id"),
    **MYSQL,
)
