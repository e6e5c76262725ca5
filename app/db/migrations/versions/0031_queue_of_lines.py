"""The queue of lines: since when they wait, who works on them, what was done to them, and unapplied credits."""

from typing import Any

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.reference_tables import MYSQL
from app.db.types import UtcDateTime, ascii_text, identifier, long_text

revision = "b031"
down_revision = "b030"
branch_labels = None
depends_on = None

_OF_LINE: dict[str, Any] = {
    "waiting_since": UtcDateTime(),
    "assigned_to": sa.String(120),
    "set_aside_until": sa.Date(),
    "reason_code": ascii_text(4),
    "resolution": long_text(),
    "split_from_id": identifier(),
}
_SORTED = ("waiting_since", "problem", "assigned_to", "reason_code")


def upgrade() -> None:
    for name, kind in _OF_LINE.items():
        steps.add_column("remittance_lines", sa.Column(name, kind, nullable=True))
    for name in _SORTED:
        steps.create_index(f"ix_remittance_lines_status_{name}_id", "remittance_lines", ["status", name, "id"])
    steps.create_index("ix_remittance_lines_split_from_id", "remittance_lines", ["split_from_id"])
    steps.backfill(
        "remittance_lines",
        "id",
        {"waiting_since": "(SELECT created_at FROM remittances r WHERE r.id = remittance_lines.remittance_id)"},
        missing="status = 'UNMATCHED' AND waiting_since IS NULL",
    )
    _create_history()
    _create_credits()
    _create_moves()


def _create_history() -> None:
    steps.create_table(
        "remittance_line_history",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("line_id", identifier(), nullable=False),
        sa.Column("action", ascii_text(24), nullable=False),
        sa.Column("undoes_id", identifier(), nullable=True),
        sa.Column("status", ascii_text(24), nullable=False),
        sa.Column("problem", ascii_text(24), nullable=True),
        sa.Column("claim_id", identifier(), nullable=True),
        sa.Column("assigned_to", sa.String(120), nullable=True),
        sa.Column("set_aside_until", sa.Date(), nullable=True),
        sa.Column("resolution", long_text(), nullable=True),
        sa.Column("other_id", identifier(), nullable=True),
        sa.Column("text", sa.String(500), nullable=True),
        sa.Column("problem_before", ascii_text(24), nullable=True),
        sa.Column("claim_id_before", identifier(), nullable=True),
        sa.Column("matched_by_before", sa.String(120), nullable=True),
        sa.Column("assigned_to_before", sa.String(120), nullable=True),
        sa.Column("set_aside_before", sa.Date(), nullable=True),
        sa.Column("resolution_before", long_text(), nullable=True),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["line_id"], ["remittance_lines.id"], name=steps.f("fk_remittance_line_history_line_id")
        ),
        sa.PrimaryKeyConstraint("id", name=steps.f("pk_remittance_line_history")),
        **MYSQL,
    )
    steps.create_index("ix_remittance_line_history_line_id_id", "remittance_line_history", ["line_id", "id"])


def _create_credits() -> None:
    steps.create_table(
        "unapplied_credits",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("provider_cnes", ascii_text(7), nullable=False),
        sa.Column("payer_ans", ascii_text(6), nullable=False),
        sa.Column("remittance_id", identifier(), nullable=False),
        sa.Column("line_id", identifier(), nullable=False),
        sa.Column("claim_id", identifier(), nullable=True),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("used_cents", sa.BigInteger(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_cnes"], ["providers.cnes"], name=steps.f("fk_unapplied_credits_provider_cnes")
        ),
        sa.ForeignKeyConstraint(["payer_ans"], ["payers.ans_code"], name=steps.f("fk_unapplied_credits_payer_ans")),
        sa.ForeignKeyConstraint(
            ["remittance_id"], ["remittances.id"], name=steps.f("fk_unapplied_credits_remittance_id")
        ),
        sa.ForeignKeyConstraint(["line_id"], ["remittance_lines.id"], name=steps.f("fk_unapplied_credits_line_id")),
        sa.PrimaryKeyConstraint("id", name=steps.f("pk_unapplied_credits")),
        **MYSQL,
    )
    for names in (
        ["created_at", "id"],
        ["provider_cnes", "created_at", "id"],
        ["payer_ans", "created_at", "id"],
        ["remittance_id"],
        ["line_id"],
    ):
        steps.create_index(f"ix_unapplied_credits_{'_'.join(names)}", "unapplied_credits", names)


def _create_moves() -> None:
    steps.create_table(
        "unapplied_credit_moves",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("credit_id", identifier(), nullable=False),
        sa.Column("action", ascii_text(24), nullable=False),
        sa.Column("reverses_id", identifier(), nullable=True),
        sa.Column("settlement_id", identifier(), nullable=True),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("used_cents", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(200), nullable=True),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["credit_id"], ["unapplied_credits.id"], name=steps.f("fk_unapplied_credit_moves_credit_id")
        ),
        sa.PrimaryKeyConstraint("id", name=steps.f("pk_unapplied_credit_moves")),
        **MYSQL,
    )
    steps.create_index("ix_unapplied_credit_moves_credit_id_id", "unapplied_credit_moves", ["credit_id", "id"])
    steps.create_index("ix_unapplied_credit_moves_settlement_id", "unapplied_credit_moves", ["settlement_id"])


def downgrade() -> None:
    steps.drop_table("unapplied_credit_moves")
    steps.drop_table("unapplied_credits")
    steps.drop_table("remittance_line_history")
    steps.drop_index("ix_remittance_lines_split_from_id", table_name="remittance_lines")
    for name in _SORTED:
        steps.drop_index(f"ix_remittance_lines_status_{name}_id", table_name="remittance_lines")
    for name in _OF_LINE:
        steps.drop_column("remittance_lines", name)
