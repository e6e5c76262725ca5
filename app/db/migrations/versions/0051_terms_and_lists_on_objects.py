"""The version of the TUSS terms, which processes remember by it, and indexes for lists on objects: the results of an
import by their outcome, the lines of an invoice by their kind; and one for the practitioners on claims."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.identity import new_incarnation
from app.db.types import ascii_text

revision = "b051"
down_revision = "b050"
branch_labels = None
depends_on = None

IDENTITY = "database_identity"
PRACTITIONERS = "ix_claims_practitioner"
OF_RESULTS = "ix_import_results_job_id_outcome_position_id"
OF_LINES = "ix_invoice_lines_invoice_id_kind_id"


def upgrade() -> None:
    steps.add_column(IDENTITY, sa.Column("terms_version", ascii_text(32), server_default="", nullable=False))
    # No version that a process may remember from before a downgrade.
    steps.backfill(IDENTITY, "slot", {"terms_version": f"'{new_incarnation()}'"}, missing="terms_version = ''")
    steps.create_index(steps.f(OF_RESULTS), "import_results", ["job_id", "outcome", "position", "id"], unique=False)
    steps.create_index(steps.f(OF_LINES), "invoice_lines", ["invoice_id", "kind", "id"], unique=False)
    columns = [f"practitioner_{name}" for name in ("name", "council", "number", "state", "cbo")]
    steps.create_index(steps.f(PRACTITIONERS), "claims", ["provider_cnes", *columns, "payer_ans"], unique=False)


def downgrade() -> None:
    steps.drop_index(steps.f(PRACTITIONERS), table_name="claims")
    steps.drop_index(steps.f(OF_LINES), table_name="invoice_lines")
    steps.drop_index(steps.f(OF_RESULTS), table_name="import_results")
    steps.drop_column(IDENTITY, "terms_version")
