"""Indexes for lists that read a table, or all of a party: claims of a day by their time, overdue invoices, entries of
banks by amount, items by day, and a provider's statements by the day of payment."""

from app.db import migration_steps as steps

revision = "b049"
down_revision = "b048"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_claims_service_date_created_at_id": ("claims", ["service_date", "created_at", "id"]),
    "ix_claim_items_performed_on_id": ("claim_items", ["performed_on", "id"]),
    "ix_invoices_status_due_date": (
        "invoices",
        ["status", "due_date", "created_at", "id", "total_cents", "provider_cnes", "payer_ans"],
    ),
    "ix_bank_entries_amount_cents_id": ("bank_entries", ["amount_cents", "id"]),
    "ix_remittances_provider_cnes_paid_on_id": ("remittances", ["provider_cnes", "paid_on", "id"]),
}


def upgrade() -> None:
    for name, (table, columns) in INDEXES.items():
        steps.create_index(steps.f(name), table, columns, unique=False)


def downgrade() -> None:
    for name, (table, _) in reversed(INDEXES.items()):
        steps.drop_index(steps.f(name), table_name=table)
