"""Alembic's entry: runs on the connection that the caller hands over."""

from alembic import context

# Their tables belong to the metadata.
from app.db import access_log_tables, document_tables, event_tables, guide_tables  # noqa: F401
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
