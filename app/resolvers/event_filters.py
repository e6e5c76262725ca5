"""Which events a subscriber asks for."""

from dataclasses import dataclass

from app.events.listeners import StreamEvent


@dataclass(frozen=True, slots=True)
class WantedEvents:
    """Every condition must match; an empty set, and None, is no condition. `statuses` are those after the change."""

    payers: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    aggregate: str | None = None
    statuses: frozenset[str] = frozenset()

    def matches(self, event: StreamEvent) -> bool:
        """Whether the event meets every condition."""
        return (
            (not self.payers or event.payer in self.payers)
            and (not self.providers or event.provider in self.providers)
            and self.aggregate in (None, event.aggregate_id)
            and (not self.statuses or event.data.get("status") in self.statuses)
        )
