"""Alembic's entry: runs on the connection that the caller hands over."""

from alembic import context

from app.db import access_log_tables, event_tables  # noqa: F401 - their tables belong to the metadata
from app.db.tables import claims

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=claims.metadata, compare_type=True, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
