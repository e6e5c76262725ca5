"""The in-process transport of the embedded mode: the relay feeds the hub directly."""

from collections.abc import Sequence

from app.db.outbox import OutboxRecord
from app.events.hub import Hub, event_of_row


class MemoryTransport:
    """Publishes to the hub of this process."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def publish(self, rows: Sequence[OutboxRecord]) -> None:
        """Deliver the numbered rows to the hub, in order."""
        for row in rows:
            event = event_of_row(row)
            if event is not None:
                await self._hub.deliver(event)

    async def close(self) -> None:
        """There is nothing to close."""
