"""Jobs that import documents, with a result for each guide."""

import sqlalchemy as sa

from app.db import migration_steps as steps
from app.db import types

revision = "b019"
down_revision = "b018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    steps.create_table(
        "import_jobs",
        sa.Column("id", types.ascii_text(length=30), nullable=False),
        sa.Column("document_id", types.ascii_text(length=30), nullable=False),
        sa.Column("status", types.ascii_text(length=24), nullable=False),
        sa.Column("provider_cnes", types.ascii_text(length=7), nullable=True),
        sa.Column("payer_ans", types.ascii_text(length=6), nullable=True),
        sa.Column("actor", types.long_text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("warned", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("lote", sa.Integer(), nullable=False),
        sa.Column("guide", sa.Integer(), nullable=False),
        sa.Column("failures", types.long_text(), nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("created_at", types.UtcDateTime(), nullable=False),
        sa.Column("started_at", types.UtcDateTime(), nullable=True),
        sa.Column("ended_at", types.UtcDateTime(), nullable=True),
        sa.Column("lease_holder", types.ascii_text(length=32), nullable=True),
        sa.Column("lease_until", types.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name=steps.f("fk_import_jobs_document_id")),
        sa.PrimaryKeyConstraint("id", name=steps.f("pk_import_jobs")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    steps.create_index(
        steps.f("ix_import_jobs_created_by_status"), "import_jobs", ["created_by", "status"], unique=False
    )
    steps.create_index(steps.f("ix_import_jobs_document_id"), "import_jobs", ["document_id"], unique=False)
    steps.create_index(steps.f("ix_import_jobs_status_id"), "import_jobs", ["status", "id"], unique=False)
    steps.create_table(
        "import_results",
        sa.Column("id", types.ascii_text(length=30), nullable=False),
        sa.Column("job_id", types.ascii_text(length=30), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(length=200), nullable=True),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("outcome", types.ascii_text(length=24), nullable=False),
        sa.Column("claim_id", types.ascii_text(length=30), nullable=True),
        sa.Column("failures", types.long_text(), nullable=False),
        sa.Column("warnings", types.long_text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["import_jobs.id"], name=steps.f("fk_import_results_job_id")),
        sa.PrimaryKeyConstraint("id", name=steps.f("pk_import_results")),
        sa.UniqueConstraint("job_id", "position", name=steps.f("uq_import_results_job_id_position")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )


def downgrade() -> None:
    steps.drop_table("import_results")
    steps.drop_table("import_jobs")
