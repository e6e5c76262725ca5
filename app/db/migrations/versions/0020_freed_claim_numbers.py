"""The number of a cancelled claim that the payer never had can be used again.

The unique index of claim numbers gets one column more, which is empty until such a claim is cancelled: for the earlier
release, which does not write it, numbers are as unique as before.
"""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db.types import identifier

revision = "b020"
down_revision = "b019"
branch_labels = None
depends_on = None

NUMBER = ["provider_cnes", "payer_ans", "provider_claim_number"]
INDEX = "ix_claims_number"
FORMER = "uq_claims_number"


def upgrade() -> None:
    steps.add_column("claims", sa.Column("freed_id", identifier(), nullable=False, server_default=""))
    steps.create_index(INDEX, "claims", [*NUMBER, "freed_id"], unique=True)
    steps.drop_unique(FORMER, table_name="claims")


def downgrade() -> None:
    steps.create_unique(FORMER, "claims", NUMBER)
    steps.drop_index(INDEX, table_name="claims")
    steps.drop_column("claims", "freed_id")
