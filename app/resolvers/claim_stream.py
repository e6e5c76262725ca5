"""The live stream of claims that change their status."""

from dataclasses import dataclass

from app.domain.claims import ClaimStatus
from app.events.contracts import CLAIM_STATUS_EVENTS
from app.events.hub import StreamEvent
from app.resolvers import streams
from app.resolvers.context import Context
from app.resolvers.streams import Stream, StreamRequest


@dataclass(frozen=True, slots=True)
class ClaimStreamFilter:
    """Which changes a subscriber asked for: all given parts must match, `statuses` the status after the change."""

    payer: str | None = None
    provider: str | None = None
    claim: str | None = None
    statuses: frozenset[ClaimStatus] = frozenset()

    def matches(self, event: StreamEvent) -> bool:
        """Whether the event is one of those asked for."""
        return (
            self.payer in (None, event.payer)
            and self.provider in (None, event.provider)
            and self.claim in (None, event.aggregate_id)
            and (not self.statuses or event.data["status"] in self.statuses)
        )


async def stream(ctx: Context, *, wanted: ClaimStreamFilter, after: str | None) -> Stream:
    """Every change of a claim's status within the caller's data scope, in the order of the event log.

    Raises what `streams.open_stream` raises.
    """

    async def is_own(event: StreamEvent) -> bool:
        # The loader caches claims, and a stream lives long: without this it would answer for an earlier moment.
        ctx.forget()
        return await ctx.loaders.claim.load(event.aggregate_id) is not None

    return await streams.open_stream(ctx, StreamRequest(CLAIM_STATUS_EVENTS, wanted.matches, is_own), after)
