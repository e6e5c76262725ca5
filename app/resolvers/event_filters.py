"""Which events a subscriber asks for."""

from app.events.listeners import StreamEvent
from app.values.frozen import frozen


@frozen
class WantedEvents:
    """Every condition must match; None is no condition, an empty set matches nothing.

    `statuses` are those after the change.
    """

    payers: frozenset[str] | None = None
    providers: frozenset[str] | None = None
    aggregate: str | None = None
    statuses: frozenset[str] | None = None

    def matches(self, event: StreamEvent) -> bool:
        """Whether the event meets every condition."""
        return (
            (self.payers is None or event.payer in self.payers)
            and (self.providers is None or event.provider in self.providers)
            and self.aggregate in (None, event.aggregate_id)
            and (self.statuses is None or event.data.get("status") in self.statuses)
        )
