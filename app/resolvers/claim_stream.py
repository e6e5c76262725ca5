"""The live stream of claims that come to stand in another state."""

from dataclasses import dataclass

from app.domain.claims import ClaimStatus
from app.events.contracts import CLAIM_STATUS_EVENTS
from app.events.hub import Heard
from app.resolvers import streams
from app.resolvers.context import Context
from app.resolvers.streams import Stream, Wish


@dataclass(frozen=True, slots=True)
class WantedClaims:
    """Which claims a subscriber asked for; every given part must hold, `statuses` is what they come to."""

    payer: str | None = None
    provider: str | None = None
    claim: str | None = None
    statuses: frozenset[ClaimStatus] = frozenset()

    def takes(self, event: Heard) -> bool:
        """Whether the event is one of them."""
        return (
            self.payer in (None, event.payer)
            and self.provider in (None, event.provider)
            and self.claim in (None, event.aggregate_id)
            and (not self.statuses or event.data["status"] in self.statuses)
        )


async def stream(ctx: Context, *, wanted: WantedClaims, after: str | None) -> Stream:
    """Every change of a claim's status within the caller's scope, in the order of the event log."""

    async def is_own(event: Heard) -> bool:
        ctx.forget()
        return await ctx.loaders.claim.load(event.aggregate_id) is not None

    return await streams.begin(ctx, Wish(CLAIM_STATUS_EVENTS, wanted.takes, is_own), after)
