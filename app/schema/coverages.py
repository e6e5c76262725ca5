"""Coverages: the cards of patients at their payers."""

from datetime import date
from typing import Annotated, Any

import strawberry

from app.db.parties import CoverageRecord
from app.domain.access_log import DataClass
from app.domain.identifiers import AnsCode
from app.resolvers import coverages
from app.resolvers.paging import Slice
from app.schema.base import lists
from app.schema.base.arguments import After, Before, First, Last
from app.schema.base.connections import Connection, Node
from app.schema.base.info import Info
from app.schema.base.mutations import check_arguments
from app.schema.base.permissions import Requires, maskable, personal
from app.schema.base.relations import paged, related
from app.schema.base.types import object_type
from app.schema.parties import VERSION, Patient, Payer
from app.schema.party_history import PartyHistoryEntry


@object_type(description="A card of a patient at a payer; every date includes its own day.")
class Coverage(Node):
    record = CoverageRecord

    card_number: str | None = strawberry.field(description="Card number (numeroCarteira).", extensions=maskable())

    @strawberry.field(
        description="Plan name (plano); null if only the card number is known.", extensions=personal("patients:read")
    )
    def plan(coverage: strawberry.Parent[CoverageRecord]) -> str | None:
        return coverage.plan_name or None

    @strawberry.field(
        description="First day of the coverage; null if only the card number is known.",
        extensions=personal("patients:read"),
    )
    def starts_on(coverage: strawberry.Parent[CoverageRecord]) -> date | None:
        return coverage.starts_on if coverage.terms.is_known else None

    ends_on: date | None = strawberry.field(
        description="Last day of the coverage; null for no end.", extensions=personal("patients:read")
    )
    card_valid_until: date | None = strawberry.field(
        description="Last day on which the card is valid; null if it does not expire.",
        extensions=personal("patients:read"),
    )
    waiting_until: date | None = strawberry.field(
        description="Last day of the waiting period (carência); null for none.", extensions=personal("patients:read")
    )
    suspended_from: date | None = strawberry.field(
        description="First day of a suspension; null for none.", extensions=personal("patients:read")
    )
    suspended_until: date | None = strawberry.field(
        description="Last day of the suspension; null for no end.", extensions=personal("patients:read")
    )
    version: int = strawberry.field(description=VERSION)

    payer = related(
        Payer | None, lambda loaders: loaders.payer, "payer_ans", description="The health insurer (operadora)."
    )
    patient = related(
        Patient | None,
        lambda loaders: loaders.patient,
        "patient_id",
        description="The patient.",
        extensions=[Requires("patients:read", "patients:read_masked", data=DataClass.PERSONAL)],
    )

    @strawberry.field(
        graphql_type=Connection[PartyHistoryEntry] | None,
        directives=[lists.PAGE],
        description="Changes, oldest first.",
        extensions=personal("patients:read"),
    )
    @paged(coverages.HISTORY)
    async def history(
        coverage: strawberry.Parent[CoverageRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await coverages.HISTORY.page(info.context, coverage.id, at=Slice(first, after, last, before))


class CoverageQuery:
    @strawberry.field(
        graphql_type=Coverage | None,
        description="A coverage by id; null if it does not exist in the caller's data scope.",
        extensions=personal("patients:read"),
    )
    async def coverage(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the coverage.")]
    ) -> CoverageRecord | None:
        return await info.context.loaders.coverage.load(id)

    @strawberry.field(
        graphql_type=Coverage | None,
        description="The coverage of a card; null if it does not exist in the caller's data scope, which counts as an "
        "unknown card (RATE_LIMITED).",
        extensions=personal("patients:read"),
    )
    async def coverage_of_card(
        self,
        info: Info,
        payer: Annotated[AnsCode, strawberry.argument(name="payerAnsCode", description="The payer, by registro ANS.")],
        card_number: Annotated[str, strawberry.argument(description="Card number (numeroCarteira), in full.")],
    ) -> CoverageRecord | None:
        check_arguments(payer_ans_code=payer)
        return await coverages.of_card(info.context, payer=payer, card_number=card_number)
