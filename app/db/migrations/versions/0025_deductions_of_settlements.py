"""What payers keep back of payments: taxes and discounts."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.reference_tables import MYSQL
from app.db.types import ascii_text, identifier

revision = "b025"
down_revision = "b024"
branch_labels = None
depends_on = None

TABLE = "settlement_deductions"
AMOUNTS = ("withheld_cents", "discount_cents")


def upgrade() -> None:
    for table in ("settlements", "allocations"):
        for name in AMOUNTS:
            steps.add_column(table, sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    steps.create_table(
        TABLE,
        sa.Column("id", identifier(), nullable=False),
        sa.Column("settlement_id", identifier(), nullable=False),
        sa.Column("provider_cnes", ascii_text(7), nullable=False),
        sa.Column("payer_ans", ascii_text(6), nullable=False),
        sa.Column("kind", ascii_text(24), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("month", ascii_text(6), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["payer_ans"], ["payers.ans_code"], name=steps.f(f"fk_{TABLE}_payer_ans")),
        sa.ForeignKeyConstraint(["provider_cnes"], ["providers.cnes"], name=steps.f(f"fk_{TABLE}_provider_cnes")),
        sa.ForeignKeyConstraint(["settlement_id"], ["settlements.id"], name=steps.f(f"fk_{TABLE}_settlement_id")),
        sa.PrimaryKeyConstraint("id", name=steps.f(f"pk_{TABLE}")),
        sa.UniqueConstraint("settlement_id", "kind", name=steps.f(f"uq_{TABLE}_settlement_id_kind")),
        **MYSQL,
    )
    steps.create_index(f"ix_{TABLE}_provider_cnes_paid_on", TABLE, ["provider_cnes", "paid_on"])
    steps.create_index(f"ix_{TABLE}_payer_ans_paid_on", TABLE, ["payer_ans", "paid_on"])


def downgrade() -> None:
    steps.drop_table(TABLE)
    for table in ("allocations", "settlements"):
        for name in reversed(AMOUNTS):
            steps.drop_column(table, name)
