"""The subscription to claims that come to stand in another state."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

import strawberry

from app.db.claims import ClaimRecord
from app.events.cursors import cursor_of
from app.events.hub import StreamEvent
from app.resolvers import claim_stream
from app.resolvers.claim_stream import ClaimStreamFilter
from app.schema.base.enums import ClaimStatus
from app.schema.base.info import Info
from app.schema.base.permissions import Requires
from app.schema.objects import Claim
from app.schema.settlements import CURSOR


@strawberry.type(description="A claim (guia) that came to stand in another state.")
class ClaimStatusEvent:
    @strawberry.field(description=CURSOR)
    def cursor(event: strawberry.Parent[StreamEvent]) -> str:
        return cursor_of(event.position)

    @strawberry.field(description="The state it came to with this event; the claim itself may be further by now.")
    def status(event: strawberry.Parent[StreamEvent]) -> ClaimStatus:
        return ClaimStatus(event.data["status"])

    @strawberry.field(description="When it happened.")
    def at(event: strawberry.Parent[StreamEvent]) -> datetime:
        return event.recorded_at

    @strawberry.field(graphql_type=Claim, description="The claim as it is now.")
    async def claim(event: strawberry.Parent[StreamEvent], info: Info) -> ClaimRecord | None:
        return await info.context.loaders.claim.load(event.aggregate_id)


@strawberry.input(description="Which claims to watch; every given part must hold.")
class ClaimStreamFilterInput:
    payer: str | None = strawberry.field(default=None, description="Of the payer with this registro ANS.")
    provider: str | None = strawberry.field(default=None, description="Of the provider with this CNES.")
    claim: strawberry.ID | None = strawberry.field(default=None, description="This claim only.")
    status: list[ClaimStatus] | None = strawberry.field(default=None, description="That come to one of these states.")

    def wanted(self) -> ClaimStreamFilter:
        """The filter as the resolver takes it."""
        return ClaimStreamFilter(self.payer, self.provider, self.claim, frozenset(self.status or ()))


@strawberry.type
class ClaimSubscription:
    @strawberry.subscription(
        graphql_type=ClaimStatusEvent,
        description="Every change of a claim's status, in order: from now on, or from behind the cursor `after`.",
        extensions=[Requires("claims:read")],
    )
    async def claim_status_changed(
        self, info: Info, filter: ClaimStreamFilterInput | None = None, after: str | None = None
    ) -> AsyncGenerator[Any, None]:
        wanted = (filter or ClaimStreamFilterInput()).wanted()
        return await claim_stream.stream(info.context, wanted=wanted, after=after)
