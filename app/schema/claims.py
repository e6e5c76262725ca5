"""Queries on claims."""

from typing import Annotated, Any, Final, cast

import strawberry

from app.db.claims import ClaimFilter, ClaimRecord
from app.domain.claim_form import ClaimForm
from app.domain.errors import raise_any
from app.domain.identifiers import AnsCode, Cnes
from app.resolvers import claims
from app.resolvers.claims import ClaimOrderField
from app.resolvers.paging import Slice
from app.schema.base import filters, inputs, lists, weights
from app.schema.base.arguments import FILTER, ORDER, After, Before, First, Last
from app.schema.base.described import described
from app.schema.base.enums import ClaimStatus, ClaimType
from app.schema.base.filters import given
from app.schema.base.info import Info
from app.schema.base.inputs import Deferred
from app.schema.base.mutations import check_arguments, failures_in
from app.schema.base.ordering import OrderDirection, Ordering, direction, needs_of, ordered, sort_by
from app.schema.base.permissions import Requires, check_input, guarded
from app.schema.base.ranges import DateRangeInput, DateTimeRangeInput, MoneyRangeInput, bounds
from app.schema.base.types import input_type
from app.schema.claim_inputs import ClaimInput
from app.schema.objects import Claim
from app.schema.preflight import ClaimPreflight
from app.schema.summed_lists import ClaimConnection

described(ClaimOrderField, "What claims can be sorted by.")


@input_type(description="Order of a list of claims.")
class ClaimOrder(Ordering):
    field: ClaimOrderField = sort_by()
    direction: OrderDirection = direction()


# Sorting by an amount reveals it.
ORDER_NEEDS: Final = {ClaimOrderField.CLAIMED_AMOUNT: ("amounts:read",)}


@input_type(description="Filter for claims. Every given condition must match; ranges include both ends.")
class ClaimFilterInput:
    ids: list[strawberry.ID] | None = filters.any_of("Id")
    status: list[ClaimStatus] | None = filters.any_of("Status", len(ClaimStatus))
    types: list[ClaimType] | None = filters.any_of("Claim type", len(ClaimType), name="type")
    payers: list[AnsCode] | None = filters.payers()
    providers: list[Cnes] | None = filters.providers()
    patient: strawberry.ID | None = filters.patient()
    provider_claim_number: str | None = strawberry.field(
        default=None, description="Exact provider claim number (numeroGuiaPrestador)."
    )
    payer_claim_number: str | None = strawberry.field(
        default=None, description="Exact payer claim number (numeroGuiaOperadora)."
    )
    service_date: DateRangeInput | None = strawberry.field(default=None, description="Day of the service.")
    created_at: DateTimeRangeInput | None = strawberry.field(default=None, description="Time of creation.")
    submitted_at: DateTimeRangeInput | None = strawberry.field(default=None, description="Time of submission.")
    claimed_amount: MoneyRangeInput | None = guarded("amounts:read", description="Claimed amount.")
    denial_code: str | None = guarded(
        "claims:read_items", description="Claims with a denial of this code of Tabela 38."
    )
    in_dispute: bool | None = guarded(
        "amounts:read", "claims:read_items", description="Whether the claim has an open or appealed denial."
    )
    invoiced: bool | None = guarded(
        "invoices:read",
        description="Whether an active invoice bills the claim.",
    )

    def where(self) -> ClaimFilter:
        """The filter as the database layer expects it."""
        return ClaimFilter(
            ids=given(self.ids),
            status=given(self.status),
            types=given(self.types),
            payers=given(self.payers),
            providers=given(self.providers),
            patient=self.patient,
            provider_claim_number=self.provider_claim_number,
            payer_claim_number=self.payer_claim_number,
            service_date=bounds(self.service_date),
            created_at=bounds(self.created_at),
            submitted_at=bounds(self.submitted_at),
            claimed_cents=bounds(self.claimed_amount),
            denial_code=self.denial_code,
            is_in_dispute=self.in_dispute,
            is_invoiced=self.invoiced,
        )


@input_type(one_of=True, description="The claim to examine: a new one, or a stored one by its id.")
class ClaimPreflightInput:
    claim: ClaimInput | None = strawberry.field(default=strawberry.UNSET, description="A claim as it would be created.")
    claim_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="Id of a stored claim.")


inputs.defer(ClaimPreflightInput)


def _form(input: ClaimPreflightInput) -> ClaimForm:
    raise_any(failures_in(input))
    assert input.claim  # noqa: S101 - the engine has checked that one of the two is given
    return input.claim.to_domain()


class ClaimQuery:
    @strawberry.field(
        graphql_type=Claim | None,
        description="A claim by id; null if it does not exist in the caller's data scope.",
        extensions=[Requires("claims:read")],
    )
    async def claim(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the claim.")]
    ) -> ClaimRecord | None:
        return await info.context.loaders.claim.load(id)

    @strawberry.field(
        graphql_type=ClaimPreflight | None,
        directives=weights.PREFLIGHT,
        description="What the payer might deny of a claim before it is submitted, and why.",
        extensions=[Requires("claims:create")],
    )
    async def claim_preflight(
        self,
        info: Info,
        input: Annotated[ClaimPreflightInput, strawberry.argument(description="The claim to examine.")],
    ) -> Any:
        if "claimId" in (given := cast("Deferred", input).value):
            return await claims.examine_stored(info.context, str(given["claimId"]))
        return await claims.examine(info.context, await inputs.read(cast("Deferred", input), _form))

    @strawberry.field(
        graphql_type=ClaimConnection | None,
        description="Claims in the caller's data scope, by default newest first.",
        extensions=[Requires("claims:read")],
        directives=[lists.PAGE],
    )
    async def claims(
        self,
        info: Info,
        filter: Annotated[ClaimFilterInput | None, FILTER] = None,
        order_by: Annotated[ClaimOrder | None, ORDER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        criteria = filter or ClaimFilterInput()
        check_arguments(filter=criteria)
        check_input(info, criteria, *needs_of(order_by, ORDER_NEEDS))
        order = ordered(claims.ORDERS, order_by, claims.NEWEST_FIRST)
        return await claims.CLAIMS.page(info.context, criteria.where(), order, at=Slice(first, after, last, before))
