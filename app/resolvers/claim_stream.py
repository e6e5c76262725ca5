"""Resolver for the stream of status changes of claims."""

from dataclasses import dataclass

from app.domain.claims import ClaimStatus
from app.events.contracts import CLAIM_STATUS_EVENTS
from app.events.listeners import StreamEvent
from app.resolvers import streams
from app.resolvers.context import Context
from app.resolvers.streams import Stream


@dataclass(frozen=True, slots=True)
class ClaimStreamFilter:
    """Which changes a subscriber wants: every given condition must match, `statuses` the status after the change."""

    payer: str | None = None
    provider: str | None = None
    claim: str | None = None
    statuses: frozenset[ClaimStatus] = frozenset()

    def matches(self, event: StreamEvent) -> bool:
        """Whether the event meets every condition."""
        return (
            self.payer in (None, event.payer)
            and self.provider in (None, event.provider)
            and self.claim in (None, event.aggregate_id)
            and (not self.statuses or event.data.get("status") in self.statuses)
        )


async def stream(ctx: Context, *, where: ClaimStreamFilter, after: str | None) -> Stream:
    """Every change of a claim's status within the caller's data scope, in the order of the event log.

    Raises what `streams.open_stream` raises.
    """
    return await streams.open_stream(ctx, CLAIM_STATUS_EVENTS, where, after)
