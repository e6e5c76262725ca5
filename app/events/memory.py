"""The in-process transport of the embedded mode: the relay feeds the hub directly."""

from collections.abc import Sequence

from app.db.outbox import OutboxRecord
from app.events.hub import Hub, heard


class MemoryTransport:
    """Publishes to this process's own hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def publish(self, rows: Sequence[OutboxRecord]) -> None:
        """Hand the rows to the hub, in order."""
        for row in rows:
            event = heard(row)
            if event is not None:
                await self._hub.deliver(event)

    async def close(self) -> None:
        """Nothing to close."""
