"""Batches (lotes de guias): the type, its history, and the queries."""

from datetime import date, datetime
from typing import Annotated, Any

import strawberry

from app.db.batches import BatchFilter, BatchRecord, BatchStep
from app.domain.batches import BatchAction, BatchStatus
from app.domain.identifiers import AnsCode, Cnes
from app.domain.money import Cents
from app.executor.reach import Owner
from app.resolvers import batches
from app.resolvers.batches import BatchOrderField
from app.resolvers.paging import Slice
from app.schema.actions import ACTIONS, AvailableBatchAction, batch_actions
from app.schema.base import filters, lists, weights
from app.schema.base.arguments import FILTER, ORDER, After, Before, First, Last
from app.schema.base.connections import Connection, Node
from app.schema.base.described import described
from app.schema.base.enums import ClaimType
from app.schema.base.filters import given
from app.schema.base.info import Info
from app.schema.base.mutations import check_arguments
from app.schema.base.ordering import OrderDirection, Ordering, direction, ordered, sort_by
from app.schema.base.permissions import Requires, amount, personal
from app.schema.base.ranges import DateTimeRangeInput, bounds
from app.schema.base.relations import paged, related
from app.schema.base.types import input_type, object_type
from app.schema.claim_mutations import TissBatch
from app.schema.history import HistoryEntry
from app.schema.objects import Claim
from app.schema.parties import Payer, Provider
from app.schema.summed_lists import ClaimConnection

described(BatchStatus, "Status of a batch; new values may be added.")
described(BatchAction, "Step in the life of a batch; new values may be added.")
described(BatchOrderField, "What batches can be sorted by.")


@object_type(description="A step in the history of a batch, with the state of the batch after it.")
class BatchHistoryEntry(HistoryEntry):
    record = BatchStep
    owner = Owner.PARTIES

    action: BatchAction = strawberry.field(description="Step of the batch.")
    status: BatchStatus = strawberry.field(description="Status of the batch after the step.")
    version: int = strawberry.field(description="Version of the batch after the step.")
    guide_count: int = strawberry.field(description="Number of its claims after the step.")
    total_cents: Cents | None = amount("totalAmount", "Claimed amount of its claims after the step.")
    reason: str | None = strawberry.field(
        description="Reason for the step; null if none was given.", extensions=personal("batches:read")
    )

    claim = related(
        Claim | None,
        lambda loaders: loaders.claim,
        "claim_id",
        description="The claim that the step removed; null for other steps.",
        extensions=[Requires("claims:read")],
    )


@object_type(description="A batch: claims of one type that are sent to a payer in one document (lote de guias).")
class Batch(Node):
    record = BatchRecord
    owner = Owner.PARTIES

    number: int = strawberry.field(
        description="Number of the batch, consecutive for the provider and payer (numeroLote)."
    )
    type: ClaimType = strawberry.field(description="Type of its claims (tipo de guia).")
    tiss_version: str = strawberry.field(description="TISS version of its document (Padrao).")
    status: BatchStatus = strawberry.field(description="Status of the batch.")
    guide_count: int = strawberry.field(description="Number of its claims, 1 to 100.")
    total_cents: Cents | None = amount("totalAmount", "Claimed amount of its claims.")
    protocol_number: str | None = strawberry.field(
        description="The payer's number of the reception (numeroProtocolo); null until recorded."
    )
    protocol_on: date | None = strawberry.field(
        name="protocolDate", description="Day of the reception; null until recorded."
    )
    reason: str | None = strawberry.field(
        description="Why it was rejected or cancelled; null otherwise.", extensions=personal("batches:read")
    )
    version: int = strawberry.field(
        description="Increases with every change; pass it back as `version` to detect concurrent changes."
    )
    created_at: datetime = strawberry.field(description="Time of creation.")
    created_by: str = strawberry.field(description="Who created it: the subject of a token, or a job of the gateway.")
    updated_at: datetime = strawberry.field(description="Time of the last change.")
    sent_at: datetime | None = strawberry.field(description="Time at which its document was written; null until sent.")

    payer = related(Payer | None, lambda loaders: loaders.payer, "payer_ans", description="The payer (operadora).")

    provider = related(
        Provider | None,
        lambda loaders: loaders.provider,
        "provider_cnes",
        description="The provider that bills (prestador).",
    )

    @strawberry.field(
        graphql_type=ClaimConnection | None,
        directives=[lists.PAGE],
        description="Its claims, oldest first; without those that the payer has refused at reception.",
        extensions=[Requires("claims:read")],
    )
    @paged(batches.CLAIMS)
    async def claims(
        batch: strawberry.Parent[BatchRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await batches.CLAIMS.page(info.context, batch.id, at=Slice(first, after, last, before))

    @strawberry.field(
        graphql_type=Connection[BatchHistoryEntry], directives=[lists.PAGE], description="Steps, oldest first."
    )
    @paged(batches.HISTORY)
    async def history(
        batch: strawberry.Parent[BatchRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await batches.HISTORY.page(info.context, batch.id, at=Slice(first, after, last, before))

    @strawberry.field(description=ACTIONS, directives=[lists.BATCH_ACTIONS])
    def available_actions(batch: strawberry.Parent[BatchRecord], info: Info) -> list[AvailableBatchAction]:
        return batch_actions(batch, info)


@input_type(description="Order of a list of batches.")
class BatchOrder(Ordering):
    field: BatchOrderField = sort_by()
    direction: OrderDirection = direction()


@input_type(description="Filter for batches. Every given condition must match; ranges include both ends.")
class BatchFilterInput:
    ids: list[strawberry.ID] | None = filters.any_of("Id")
    status: list[BatchStatus] | None = filters.any_of("Status", len(BatchStatus))
    types: list[ClaimType] | None = filters.any_of("Type of the claims", len(ClaimType), name="type")
    payers: list[AnsCode] | None = filters.payers()
    providers: list[Cnes] | None = filters.providers()
    numbers: list[int] | None = filters.any_of("Number of the batch (numeroLote)", name="number")
    protocol_number: str | None = strawberry.field(
        default=None, description="Exact number of the payer's reception (numeroProtocolo)."
    )
    created_at: DateTimeRangeInput | None = strawberry.field(default=None, description="Time of creation.")

    def where(self) -> BatchFilter:
        """The filter as the database layer expects it."""
        return BatchFilter(
            ids=given(self.ids),
            status=given(self.status),
            types=given(self.types),
            payers=given(self.payers),
            providers=given(self.providers),
            numbers=given(self.numbers),
            protocol_number=self.protocol_number,
            created_at=bounds(self.created_at),
        )


class BatchQuery:
    @strawberry.field(
        graphql_type=Batch | None,
        description="A batch by id; null if it does not exist in the caller's data scope.",
        extensions=[Requires("batches:read")],
    )
    async def batch(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the batch.")]
    ) -> BatchRecord | None:
        return await info.context.loaders.batch.load(id)

    @strawberry.field(
        graphql_type=Connection[Batch] | None,
        description="Batches in the caller's data scope, by default newest first.",
        extensions=[Requires("batches:read")],
        directives=[lists.PAGE],
    )
    async def batches(
        self,
        info: Info,
        filter: Annotated[BatchFilterInput | None, FILTER] = None,
        order_by: Annotated[BatchOrder | None, ORDER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        check_arguments(filter=filter)
        where = (filter or BatchFilterInput()).where()
        order = ordered(batches.ORDERS, order_by, batches.NEWEST_FIRST)
        return await batches.BATCHES.page(info.context, where, order, at=Slice(first, after, last, before))

    @strawberry.field(
        graphql_type=TissBatch | None,
        description="The document of a batch as it was sent, byte for byte; null until it is sent.",
        extensions=[Requires("batches:export")],
        directives=weights.DOCUMENT,
    )
    async def batch_document(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the batch.")]
    ) -> Any:
        return await batches.document(info.context, id)
