"""Batches of appeals (lotes de recurso de glosa): the type, its steps, and the queries."""

from datetime import date, datetime
from typing import Annotated, Any

import strawberry

from app.db.appeal_batches import AppealBatchFilter, AppealBatchRecord, AppealBatchStep
from app.domain.appeal_batches import AppealBatchAction, AppealBatchStatus
from app.domain.identifiers import AnsCode, Cnes
from app.domain.money import Cents
from app.executor.reach import Owner
from app.resolvers import appeal_batches
from app.resolvers.appeal_batches import AppealBatchOrderField
from app.resolvers.paging import Slice
from app.schema.actions import ACTIONS, AvailableAppealBatchAction, appeal_batch_actions
from app.schema.base import filters, lists, weights
from app.schema.base.arguments import FILTER, ORDER, After, Before, First, Last
from app.schema.base.connections import Connection, Node
from app.schema.base.described import described
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
from app.schema.parties import Payer, Provider
from app.schema.summed_lists import DenialConnection

described(AppealBatchStatus, "Status of a batch of appeals; new values may be added.")
described(AppealBatchAction, "Step in the life of a batch of appeals; new values may be added.")
described(AppealBatchOrderField, "What batches of appeals can be sorted by.")


@object_type(description="A step in the history of a batch of appeals, with the state of the batch after it.")
class AppealBatchHistoryEntry(HistoryEntry):
    record = AppealBatchStep
    owner = Owner.PARTIES

    action: AppealBatchAction = strawberry.field(description="Step of the batch.")
    status: AppealBatchStatus = strawberry.field(description="Status of the batch after the step.")
    version: int = strawberry.field(description="Version of the batch after the step.")
    denial_count: int = strawberry.field(description="Number of its appeals after the step.")
    total_cents: Cents | None = amount("totalAmount", "Appealed amount after the step.")
    reason: str | None = strawberry.field(
        description="Reason for the step; null if none was given.", extensions=personal("batches:read")
    )


@object_type(
    description="Appeals against denials of one protocol that are sent to a payer in one document (lote de recurso de "
    "glosa)."
)
class AppealBatch(Node):
    record = AppealBatchRecord
    owner = Owner.PARTIES

    number: int = strawberry.field(
        description="Number of the batch, consecutive for the provider and payer (numeroLote)."
    )
    contested_protocol: str = strawberry.field(
        description="The payer's protocol of the claims whose denials are appealed (numeroProtocolo)."
    )
    appeal_instance: int = strawberry.field(
        description="Instance of its appeals, 1 or 2; documents do not say it, each instance has batches of its own."
    )
    tiss_version: str = strawberry.field(description="TISS version of its document (Padrao).")
    status: AppealBatchStatus = strawberry.field(description="Status of the batch.")
    denial_count: int = strawberry.field(description="Number of its appeals, 1 to 1000.")
    total_cents: Cents | None = amount("totalAmount", "Appealed amount (valorTotalRecursado).")
    protocol_number: str | None = strawberry.field(
        description="The payer's number of the reception (nrProtocoloRecursoGlosa); null until recorded."
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
    created_by: str = strawberry.field(description="Who created it: the subject of a token.")
    updated_at: datetime = strawberry.field(description="Time of the last change.")
    sent_at: datetime | None = strawberry.field(description="Time at which its document was written; null until sent.")

    payer = related(Payer | None, lambda loaders: loaders.payer, "payer_ans", description="The payer (operadora).")

    provider = related(
        Provider | None,
        lambda loaders: loaders.provider,
        "provider_cnes",
        description="The provider that appeals (prestador).",
    )

    @strawberry.field(
        graphql_type=DenialConnection | None,
        directives=[lists.PAGE],
        description="Its denials, oldest first.",
        extensions=[Requires("claims:read_items")],
    )
    @paged(appeal_batches.DENIALS)
    async def denials(
        batch: strawberry.Parent[AppealBatchRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await appeal_batches.DENIALS.page(info.context, batch.id, at=Slice(first, after, last, before))

    @strawberry.field(
        graphql_type=Connection[AppealBatchHistoryEntry], directives=[lists.PAGE], description="Steps, oldest first."
    )
    @paged(appeal_batches.HISTORY)
    async def history(
        batch: strawberry.Parent[AppealBatchRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await appeal_batches.HISTORY.page(info.context, batch.id, at=Slice(first, after, last, before))

    @strawberry.field(description=ACTIONS, directives=[lists.APPEAL_BATCH_ACTIONS])
    def available_actions(batch: strawberry.Parent[AppealBatchRecord], info: Info) -> list[AvailableAppealBatchAction]:
        return appeal_batch_actions(batch, info)


@input_type(description="Order of a list of batches of appeals.")
class AppealBatchOrder(Ordering):
    field: AppealBatchOrderField = sort_by()
    direction: OrderDirection = direction()


@input_type(description="Filter for batches of appeals. Every given condition must match; ranges include both ends.")
class AppealBatchFilterInput:
    ids: list[strawberry.ID] | None = filters.any_of("Id")
    status: list[AppealBatchStatus] | None = filters.any_of("Status", len(AppealBatchStatus))
    payers: list[AnsCode] | None = filters.payers()
    providers: list[Cnes] | None = filters.providers()
    created_at: DateTimeRangeInput | None = strawberry.field(default=None, description="Time of creation.")

    def where(self) -> AppealBatchFilter:
        """The filter as the database layer expects it."""
        return AppealBatchFilter(
            ids=given(self.ids),
            status=given(self.status),
            payers=given(self.payers),
            providers=given(self.providers),
            created_at=bounds(self.created_at),
        )


OfBatch = Annotated[strawberry.ID, strawberry.argument(description="Id of the batch of appeals.")]


class AppealBatchQuery:
    @strawberry.field(
        graphql_type=AppealBatch | None,
        description="A batch of appeals by id; null if it does not exist in the caller's data scope.",
        extensions=[Requires("batches:read")],
    )
    async def appeal_batch(self, info: Info, id: OfBatch) -> AppealBatchRecord | None:
        return await info.context.loaders.appeal_batch.load(id)

    @strawberry.field(
        graphql_type=Connection[AppealBatch] | None,
        description="Batches of appeals in the caller's data scope, by default newest first.",
        extensions=[Requires("batches:read")],
        directives=[lists.PAGE],
    )
    async def appeal_batches(
        self,
        info: Info,
        filter: Annotated[AppealBatchFilterInput | None, FILTER] = None,
        order_by: Annotated[AppealBatchOrder | None, ORDER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        check_arguments(filter=filter)
        where = (filter or AppealBatchFilterInput()).where()
        order = ordered(appeal_batches.ORDERS, order_by, appeal_batches.NEWEST_FIRST)
        return await appeal_batches.APPEAL_BATCHES.page(
            info.context, where, order, at=Slice(first, after, last, before)
        )

    @strawberry.field(
        graphql_type=TissBatch | None,
        description="The document of a batch of appeals as it was sent, byte for byte; null until it is sent.",
        extensions=[Requires("batches:export")],
        directives=weights.DOCUMENT,
    )
    async def appeal_batch_document(self, info: Info, id: OfBatch) -> Any:
        return await appeal_batches.document(info.context, id)
