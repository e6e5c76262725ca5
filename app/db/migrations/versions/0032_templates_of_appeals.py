"""Templates for the justification of appeals."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.reference_tables import MYSQL
from app.db.types import UtcDateTime, ascii_text, identifier

revision = "b032"
down_revision = "b031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "appeal_templates",
        sa.Column("id", identifier(), nullable=False),
        sa.Column("provider_cnes", ascii_text(7), nullable=False),
        sa.Column("code", ascii_text(4), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_cnes"], ["providers.cnes"], name=steps.f("fk_appeal_templates_provider_cnes")
        ),
        sa.PrimaryKeyConstraint("id", name=steps.f("pk_appeal_templates")),
        **MYSQL,
    )
    steps.create_index("ix_appeal_templates_provider_cnes_code_id", "appeal_templates", ["provider_cnes", "code", "id"])
    steps.create_index("ix_appeal_templates_code_id", "appeal_templates", ["code", "id"])


def downgrade() -> None:
    steps.drop_table("appeal_templates")
