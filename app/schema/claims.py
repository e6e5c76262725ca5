"""Claims, their items and denials, and the queries on them."""

from datetime import date, datetime
from typing import Any

import strawberry

from app.db.claims import ClaimFilter, ClaimRecord
from app.domain.money import Cents
from app.resolvers import claims
from app.resolvers.claims import ClaimOrder
from app.schema.base.connections import Connection
from app.schema.base.described import described
from app.schema.base.enums import ClaimStatus, ClaimType
from app.schema.base.info import Info
from app.schema.base.mutations import checked_arguments
from app.schema.base.permissions import Requires, check_input, needing
from app.schema.claim_inputs import ClaimInput
from app.schema.objects import Claim
from app.schema.preflight import ClaimPreflight

described(
    ClaimOrder,
    "How a list of claims is sorted.",
    {
        "NEWEST_FIRST": "By creation, latest first.",
        "OLDEST_FIRST": "By creation, earliest first.",
        "SERVICE_DATE_ASC": "By service date, earliest first.",
        "SERVICE_DATE_DESC": "By service date, latest first.",
        "CLAIMED_AMOUNT_ASC": "By claimed amount, smallest first. Needs `amounts:read`.",
        "CLAIMED_AMOUNT_DESC": "By claimed amount, largest first. Needs `amounts:read`.",
    },
)
# Sorting by an amount would tell it.
ORDER_NEEDS = dict.fromkeys((ClaimOrder.CLAIMED_AMOUNT_ASC, ClaimOrder.CLAIMED_AMOUNT_DESC), ("amounts:read",))


@strawberry.input(description="Which claims to list; every given part must hold, ranges include both ends.")
class ClaimFilterInput:
    status: list[ClaimStatus] | None = strawberry.field(default=None, description="Any of these states.")
    type: ClaimType | None = strawberry.field(default=None, description="Of this kind.")
    payer: str | None = strawberry.field(default=None, description="Of the payer with this registro ANS.")
    provider: str | None = strawberry.field(default=None, description="Of the provider with this CNES.")
    patient: strawberry.ID | None = needing("patients:read", "patients:read_masked", description="Of this patient.")
    provider_claim_number: str | None = strawberry.field(default=None, description="With exactly this number.")
    service_date_from: date | None = strawberry.field(default=None, description="Service on this day or later.")
    service_date_to: date | None = strawberry.field(default=None, description="Service on this day or earlier.")
    submitted_from: datetime | None = strawberry.field(default=None, description="Submitted at this time or later.")
    submitted_to: datetime | None = strawberry.field(default=None, description="Submitted at this time or earlier.")
    amount_from: Cents | None = needing("amounts:read", description="Claimed amount at least this.")
    amount_to: Cents | None = needing("amounts:read", description="Claimed amount at most this.")
    denial_code: str | None = needing("claims:read_items", description="With a denial of this Tabela 38 code.")
    in_dispute: bool | None = needing(
        "amounts:read", "claims:read_items", description="With (or without) an open or appealed denial."
    )

    def where(self) -> ClaimFilter:
        """The filter as the database layer takes it."""
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


@strawberry.type
class ClaimQuery:
    @strawberry.field(
        graphql_type=Claim | None, description="One claim, or null.", extensions=[Requires("claims:read")]
    )
    async def claim(self, info: Info, id: strawberry.ID) -> ClaimRecord | None:
        return await info.context.loaders.claim.load(id)

    @strawberry.field(
        graphql_type=ClaimPreflight,
        description="What the payer would deny of a claim and why, before it is sent. Give `input` or `claimId`.",
        extensions=[Requires("claims:create")],
    )
    async def claim_preflight(
        self, info: Info, input: ClaimInput | None = None, claim_id: strawberry.ID | None = None
    ) -> Any:
        checked_arguments(input=input)
        return await claims.examine(info.context, form=input.form() if input else None, claim_id=claim_id)

    @strawberry.field(
        graphql_type=Connection[Claim], description="The caller's claims.", extensions=[Requires("claims:read")]
    )
    async def claims(
        self,
        info: Info,
        filter: ClaimFilterInput | None = None,
        order_by: ClaimOrder = ClaimOrder.NEWEST_FIRST,
        first: int = 20,
        after: str | None = None,
    ) -> Any:
        asked = filter or ClaimFilterInput()
        checked_arguments(filter=asked)
        check_input(info, asked, *ORDER_NEEDS.get(order_by, ()))
        return await claims.page(info.context, where=asked.where(), order=order_by, first=first, after=after)
