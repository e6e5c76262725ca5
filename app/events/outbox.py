"""The door through which services record events: in the transaction of the change, never outside it."""

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import outbox as outbox_db
from app.events.contracts import Event


async def record(connection: AsyncConnection, *events: Event) -> None:
    """Keep the events beside the change; the relay publishes them after the commit."""
    await outbox_db.insert_events(connection, [event.row() for event in events])
