"""Where events are recorded: in the transaction of the change, so that both are committed or neither."""

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import outbox as outbox_db
from app.events.contracts import Event


async def record(connection: AsyncConnection, *events: Event) -> None:
    """Store the events in the connection's transaction; the relay publishes them after the commit."""
    await outbox_db.insert_events(connection, [event.row() for event in events])
