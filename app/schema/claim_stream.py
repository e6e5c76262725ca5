"""The subscription to changes of claims' status."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any

import strawberry

from app.db.claims import ClaimRecord
from app.events.cursors import cursor_of
from app.events.listeners import StreamEvent
from app.resolvers import claim_stream
from app.resolvers.claim_stream import ClaimStreamFilter
from app.schema.base.arguments import EVENT_FILTER, AfterEvent
from app.schema.base.enums import ClaimStatus
from app.schema.base.info import Info
from app.schema.base.permissions import Requires
from app.schema.objects import Claim
from app.schema.settlements import CURSOR


@strawberry.type(description="A change of a claim's status.")
class ClaimStatusEvent:
    @strawberry.field(description=CURSOR)
    def cursor(event: strawberry.Parent[StreamEvent]) -> str:
        return cursor_of(event.position)

    @strawberry.field(description="Status after this change; the claim may have changed again since.")
    def status(event: strawberry.Parent[StreamEvent]) -> ClaimStatus:
        return ClaimStatus(event.data["status"])

    @strawberry.field(description="Time of the change.")
    def at(event: strawberry.Parent[StreamEvent]) -> datetime:
        return event.recorded_at

    @strawberry.field(graphql_type=Claim, description="The claim in its current state.")
    async def claim(event: strawberry.Parent[StreamEvent], info: Info) -> ClaimRecord | None:
        return await info.context.loaders.claim.load(event.aggregate_id)


@strawberry.input(description="Filter for status changes of claims. Every given condition must match.")
class ClaimStreamFilterInput:
    payer: str | None = strawberry.field(default=None, description="Payer, by registro ANS.")
    provider: str | None = strawberry.field(default=None, description="Provider, by CNES.")
    claim: strawberry.ID | None = strawberry.field(default=None, description="Claim, by id.")
    status: list[ClaimStatus] | None = strawberry.field(
        default=None, description="Status after the change: any of these."
    )

    def where(self) -> ClaimStreamFilter:
        """The filter as the resolver expects it."""
        return ClaimStreamFilter(self.payer, self.provider, self.claim, frozenset(self.status or ()))


@strawberry.type
class ClaimSubscription:
    @strawberry.subscription(
        graphql_type=ClaimStatusEvent,
        description="Every change of a claim's status, in order: from now on, or from the cursor `after` on.",
        extensions=[Requires("claims:read")],
    )
    async def claim_status_changed(
        self,
        info: Info,
        filter: Annotated[ClaimStreamFilterInput | None, EVENT_FILTER] = None,
        after: AfterEvent = None,
    ) -> AsyncGenerator[Any, None]:
        where = (filter or ClaimStreamFilterInput()).where()
        return await claim_stream.stream(info.context, where=where, after=after)
