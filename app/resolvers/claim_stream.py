"""The live stream of claims that come to stand in another state."""

from dataclasses import dataclass

from app.domain.claims import ClaimStatus
from app.events.contracts import CLAIM_STATUS_EVENTS
from app.events.hub import StreamEvent
from app.resolvers import streams
from app.resolvers.context import Context
from app.resolvers.streams import Stream, StreamRequest


@dataclass(frozen=True, slots=True)
class ClaimStreamFilter:
    """Which claims a subscriber asked for; every given part must hold, `statuses` is what they come to."""

    payer: str | None = None
    provider: str | None = None
    claim: str | None = None
    statuses: frozenset[ClaimStatus] = frozenset()

    def takes(self, event: StreamEvent) -> bool:
        """Whether the event is one of them."""
        return (
            self.payer in (None, event.payer)
            and self.provider in (None, event.provider)
            and self.claim in (None, event.aggregate_id)
            and (not self.statuses or event.data["status"] in self.statuses)
        )


async def stream(ctx: Context, *, wanted: ClaimStreamFilter, after: str | None) -> Stream:
    """Every change of a claim's status within the caller's scope, in the order of the event log."""

    async def is_own(event: StreamEvent) -> bool:
        ctx.forget()
        return await ctx.loaders.claim.load(event.aggregate_id) is not None

    return await streams.begin(ctx, StreamRequest(CLAIM_STATUS_EVENTS, wanted.takes, is_own), after)
