"""Alembic's entry: runs on the connection that the caller hands over."""

from alembic import context

from app.db import (  # noqa: F401 - their tables belong to the metadata
    access_log_tables,
    appeal_tables,
    bank_tables,
    batch_tables,
    book_tables,
    deduction_tables,
    document_tables,
    event_tables,
    guide_tables,
    import_tables,
    party_tables,
    queue_tables,
    remittance_tables,
)
from app.db.tables import claims

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=claims.metadata,
    compare_type=True,
    # What a draft calls: see script.py.mako.
    alembic_module_prefix="steps.",
    user_module_prefix="types.",
)
with context.begin_transaction():
    context.run_migrations()
