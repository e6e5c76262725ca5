"""Hubs for tests: over a gateway's own database, with whatever interest a test needs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.db import claims as claims_db
from app.db import outbox as outbox_db
from app.db.clock import process_time as now
from app.db.outbox import LogPlace, OutboxRecord
from app.domain.data_scope import EVERYTHING, DataScope
from app.events.contracts import CONTRACTS
from app.events.hub import Hub
from app.events.listeners import Interest, StreamEvent
from tests.gateway import Gateway


@dataclass(frozen=True)
class Only:
    """Matches the events of one aggregate, or all events."""

    aggregate: str | None = None
    asked: list[int] = field(default_factory=list, compare=False)

    def matches(self, event: StreamEvent) -> bool:
        """Whether it is this aggregate's; `asked` lists the positions of all events that were compared."""
        self.asked.append(event.position)
        return self.aggregate in (None, event.aggregate_id)


def interest_in(aggregate: str | None = None, *, scope: DataScope = EVERYTHING) -> Interest:
    """Every event, or those of one aggregate, within the data scope."""
    return interest_of(Only(aggregate), scope=scope)


def interest_of(where: Only, *, scope: DataScope = EVERYTHING) -> Interest:
    """The events that it matches, of any name, within the data scope."""
    return Interest(frozenset(CONTRACTS), scope, where)


def hub_of(gateway: Gateway, last_position: int) -> Hub:
    """A hub over the gateway's event log that has delivered everything up to this position."""

    async def missing(after: int, before: int | None, limit: int) -> list[OutboxRecord]:
        async with gateway.database.reading() as connection:
            return await outbox_db.numbered_after(connection, after, limit, before)

    async def patients(claims: Sequence[str]) -> dict[str, str]:
        async with gateway.database.reading() as connection:
            return await claims_db.patients_of(connection, EVERYTHING, claims)

    found = Hub(missing, patients)
    found.last_place = LogPlace(last_position, "")
    return found


def event_at(position: int, aggregate: str = "inv", name: str = "SettlementConfirmed") -> StreamEvent:
    """An event that is in no log."""
    return StreamEvent(position, f"evt_{position}", name, aggregate, None, None, now(), {})
