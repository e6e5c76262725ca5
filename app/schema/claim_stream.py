"""The subscription to changes of claims' status."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any

import strawberry

from app.db.claims import ClaimRecord
from app.resolvers import claim_stream
from app.resolvers.claim_stream import ClaimStreamFilter
from app.resolvers.streams import StreamMessage
from app.schema.base import lists
from app.schema.base.arguments import EVENT_FILTER, AfterEvent
from app.schema.base.enums import ClaimStatus
from app.schema.base.info import Info
from app.schema.base.mutations import check_arguments
from app.schema.base.permissions import Requires
from app.schema.base.streams import CURSOR, FIRST_MESSAGE, cursor_of, event_of
from app.schema.objects import Claim


@strawberry.type(description=f"A change of a claim's status. {FIRST_MESSAGE}")
class ClaimStatusEvent:
    @strawberry.field(description=CURSOR)
    def cursor(message: strawberry.Parent[StreamMessage], info: Info) -> str:
        return cursor_of(info.context, message)

    @strawberry.field(description="Status after this change; the claim may have changed again since.")
    def status(message: strawberry.Parent[StreamMessage]) -> ClaimStatus | None:
        event = event_of(message)
        return ClaimStatus(event.data["status"]) if event else None

    @strawberry.field(description="Time of the change.")
    def at(message: strawberry.Parent[StreamMessage]) -> datetime | None:
        event = event_of(message)
        return event.recorded_at if event else None

    @strawberry.field(graphql_type=Claim | None, description="The claim in its current state.")
    async def claim(message: strawberry.Parent[StreamMessage], info: Info) -> ClaimRecord | None:
        event = event_of(message)
        return await info.context.loaders.claim.load(event.aggregate_id) if event else None


@strawberry.input(description="Filter for status changes of claims. Every given condition must match.")
class ClaimStreamFilterInput:
    payer: str | None = strawberry.field(default=None, description="Payer, by registro ANS.")
    provider: str | None = strawberry.field(default=None, description="Provider, by CNES.")
    claim: strawberry.ID | None = strawberry.field(default=None, description="Claim, by id.")
    status: list[ClaimStatus] | None = strawberry.field(
        default=None, description="Status after the change: any of these.", directives=lists.up_to(len(ClaimStatus))
    )

    def where(self) -> ClaimStreamFilter:
        """The filter as the resolver expects it."""
        return ClaimStreamFilter(self.payer, self.provider, self.claim, frozenset(self.status or ()))


@strawberry.type
class ClaimSubscription:
    @strawberry.subscription(
        graphql_type=ClaimStatusEvent,
        description="Every change of a claim's status, in order: from now on, or from the cursor `after` on. "
        + FIRST_MESSAGE,
        extensions=[Requires("claims:read")],
    )
    async def claim_status_changed(
        self,
        info: Info,
        filter: Annotated[ClaimStreamFilterInput | None, EVENT_FILTER] = None,
        after: AfterEvent = None,
    ) -> AsyncGenerator[Any, None]:
        check_arguments(filter=filter)
        where = (filter or ClaimStreamFilterInput()).where()
        return await claim_stream.stream(info.context, where=where, after=after)
