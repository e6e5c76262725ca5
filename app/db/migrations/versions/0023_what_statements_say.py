"""What payers' statements say besides the decisions: amounts billed and processed, debits and credits, findings."""

from typing import Any

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.reference_tables import MYSQL
from app.db.types import UtcDateTime, ascii_text, identifier, long_text

revision = "b023"
down_revision = "b022"
branch_labels = None
depends_on = None

_OF_STATEMENT: dict[str, Any] = {
    "kind": ascii_text(24),
    "issued_on": sa.Date(),
    "net_cents": sa.BigInteger(),
    "document_hash": ascii_text(64),
    "findings": long_text(),
    "released_at": UtcDateTime(),
    "released_by": sa.String(120),
    "release_reason": sa.String(500),
}
_OF_LINE: dict[str, Any] = {
    "billed_cents": sa.BigInteger(),
    "processed_cents": sa.BigInteger(),
    "quantity": sa.BigInteger(),
    "performed_on": sa.Date(),
    "card_number": sa.String(20),
    "protocol_number": sa.String(20),
    "code_system": ascii_text(2),
    "description": sa.String(150),
    "findings": long_text(),
}


def upgrade() -> None:
    for name, kind in _OF_STATEMENT.items():
        steps.add_column("remittances", sa.Column(name, kind, nullable=True))
    for name, kind in _OF_LINE.items():
        steps.add_column("remittance_lines", sa.Column(name, kind, nullable=True))
    steps.create_index(
        "ix_remittances_document",
        "remittances",
        ["payer_ans", "provider_cnes", "document_hash", "cancelled_id"],
        unique=True,
    )
    steps.create_table(
        "remittance_adjustments",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("remittance_id", identifier(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("direction", ascii_text(24), nullable=False),
        sa.Column("level", ascii_text(24), nullable=False),
        sa.Column("type", sa.String(2), nullable=True),
        sa.Column("description", sa.String(100), nullable=True),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["remittance_id"], ["remittances.id"], name=steps.f("fk_remittance_adjustments_remittance_id")
        ),
        sa.PrimaryKeyConstraint("id", name=steps.f("pk_remittance_adjustments")),
        sa.UniqueConstraint(
            "remittance_id", "sequence", name=steps.f("uq_remittance_adjustments_remittance_id_sequence")
        ),
        **MYSQL,
    )


def downgrade() -> None:
    steps.drop_table("remittance_adjustments")
    steps.drop_index("ix_remittances_document", table_name="remittances")
    for name in _OF_LINE:
        steps.drop_column("remittance_lines", name)
    for name in _OF_STATEMENT:
        steps.drop_column("remittances", name)
