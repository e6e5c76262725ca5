"""What TISS guides say besides the columns: details of items, and the guide itself beside its claim."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.reference_tables import MYSQL
from app.db.types import UtcDateTime, ascii_text, identifier, long_bytes, long_text

revision = "b022"
down_revision = "b021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.add_column("claim_items", sa.Column("details", long_text(), nullable=True))
    steps.create_table(
        "claim_guides",
        sa.Column("claim_id", identifier(), nullable=False),
        sa.Column("version", ascii_text(8), nullable=False),
        sa.Column("content", long_bytes(), nullable=False),
        sa.Column("document_id", identifier(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["claim_id"], ["claims.id"], name=steps.f("fk_claim_guides_claim_id")),
        sa.PrimaryKeyConstraint("claim_id", name=steps.f("pk_claim_guides")),
        **MYSQL,
    )


def downgrade() -> None:
    steps.drop_table("claim_guides")
    steps.drop_column("claim_items", "details")
