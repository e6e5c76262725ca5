"""Queries on claims."""

from datetime import date, datetime
from typing import Annotated, Any, cast

import strawberry

from app.db.claims import ClaimFilter, ClaimRecord
from app.domain.claim_form import ClaimForm
from app.domain.money import Cents
from app.resolvers import claims
from app.resolvers.claims import ClaimOrder
from app.schema.base import inputs, lists, weights
from app.schema.base.arguments import FILTER, ORDER, After, First
from app.schema.base.connections import Connection
from app.schema.base.described import described
from app.schema.base.enums import ClaimStatus, ClaimType
from app.schema.base.info import Info
from app.schema.base.inputs import Deferred
from app.schema.base.mutations import check_arguments
from app.schema.base.permissions import Requires, check_input, guarded
from app.schema.claim_inputs import ClaimInput
from app.schema.objects import Claim
from app.schema.preflight import ClaimPreflight

described(ClaimOrder, "Order of a list of claims.")
# Sorting by an amount reveals it.
ORDER_NEEDS = dict.fromkeys((ClaimOrder.CLAIMED_AMOUNT_ASC, ClaimOrder.CLAIMED_AMOUNT_DESC), ("amounts:read",))


@strawberry.input(description="Filter for claims. Every given condition must match; ranges include both ends.")
class ClaimFilterInput:
    status: list[ClaimStatus] | None = strawberry.field(
        default=None, description="Status: any of these.", directives=lists.up_to(len(ClaimStatus))
    )
    type: ClaimType | None = strawberry.field(default=None, description="Claim type.")
    payer: str | None = strawberry.field(default=None, description="Payer, by registro ANS.")
    provider: str | None = strawberry.field(default=None, description="Provider, by CNES.")
    patient: strawberry.ID | None = guarded("patients:read", "patients:read_masked", description="Patient, by id.")
    provider_claim_number: str | None = strawberry.field(
        default=None, description="Exact provider claim number (numeroGuiaPrestador)."
    )
    service_date_from: date | None = strawberry.field(default=None, description="Service on or after this day.")
    service_date_to: date | None = strawberry.field(default=None, description="Service on or before this day.")
    submitted_from: datetime | None = strawberry.field(default=None, description="Submitted at or after this time.")
    submitted_to: datetime | None = strawberry.field(default=None, description="Submitted at or before this time.")
    amount_from: Cents | None = guarded("amounts:read", description="Minimum claimed amount.")
    amount_to: Cents | None = guarded("amounts:read", description="Maximum claimed amount.")
    denial_code: str | None = guarded(
        "claims:read_items", description="Claims with a denial of this code of Tabela 38."
    )
    in_dispute: bool | None = guarded(
        "amounts:read", "claims:read_items", description="Whether the claim has an open or appealed denial."
    )

    def where(self) -> ClaimFilter:
        """The filter as the database layer expects it."""
        return ClaimFilter(
            status=None if self.status is None else tuple(self.status),
            type=self.type,
            payer=self.payer,
            provider=self.provider,
            patient=self.patient,
            provider_claim_number=self.provider_claim_number,
            service_date_from=self.service_date_from,
            service_date_to=self.service_date_to,
            submitted_from=self.submitted_from,
            submitted_to=self.submitted_to,
            amount_from=self.amount_from,
            amount_to=self.amount_to,
            denial_code=self.denial_code,
            is_in_dispute=self.in_dispute,
        )


@strawberry.input(one_of=True, description="The claim to examine: a new one, or a stored one by its id.")
class ClaimPreflightInput:
    claim: ClaimInput | None = strawberry.field(default=strawberry.UNSET, description="A claim as it would be created.")
    claim_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="Id of a stored claim.")


inputs.defer(ClaimPreflightInput)


def _form(input: ClaimPreflightInput) -> ClaimForm:
    check_arguments(input=input)
    assert input.claim  # noqa: S101 - the engine has checked that one of the two is given
    return input.claim.to_domain()


@strawberry.type
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
        graphql_type=Connection[Claim] | None,
        description="Claims in the caller's data scope.",
        extensions=[Requires("claims:read")],
        directives=[lists.PAGE],
    )
    async def claims(
        self,
        info: Info,
        filter: Annotated[ClaimFilterInput | None, FILTER] = None,
        order_by: Annotated[ClaimOrder, ORDER] = ClaimOrder.NEWEST_FIRST,
        first: First = 20,
        after: After = None,
    ) -> Any:
        criteria = filter or ClaimFilterInput()
        check_arguments(filter=criteria)
        check_input(info, criteria, *ORDER_NEEDS.get(order_by, ()))
        return await claims.page(info.context, where=criteria.where(), order=order_by, first=first, after=after)
