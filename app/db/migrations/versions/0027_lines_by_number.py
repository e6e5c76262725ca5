"""Lines of statements are found by the numbers of claims that come later."""

from app.db import migration_steps as steps

revision = "b027"
down_revision = "b026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("provider_claim_number", "payer_claim_number"):
        steps.create_index(
            steps.f(f"ix_remittance_lines_{column}_status"), "remittance_lines", [column, "status"], unique=False
        )


def downgrade() -> None:
    for column in ("payer_claim_number", "provider_claim_number"):
        steps.drop_index(steps.f(f"ix_remittance_lines_{column}_status"), table_name="remittance_lines")
