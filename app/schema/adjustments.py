"""Debits and credits of statements that belong to no claim: the list of them, and the mutations that explain them."""

from typing import Annotated, Any

import strawberry

from app.db.adjustments import AdjustmentFilter
from app.domain.adjustments import REASON_LENGTH_MAX, AdjustmentStatus, AdjustmentStep
from app.domain.identifiers import AnsCode, Cnes
from app.domain.statement import AdjustmentDirection
from app.resolvers import adjustments
from app.resolvers.paging import Slice
from app.schema.adjustment_objects import RemittanceAdjustment
from app.schema.base import filters, inputs, lists
from app.schema.base.arguments import FILTER, After, Before, First, Last
from app.schema.base.connections import Connection
from app.schema.base.filters import given
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, VERSION, MutationPayload, check_arguments, mutation
from app.schema.base.permissions import Requires
from app.schema.base.ranges import DateRangeInput, bounds
from app.schema.base.types import input_type, object_type
from app.services import adjustments as service
from app.services.adjustments import Explanation

REASON = f"Reason, 1 to {REASON_LENGTH_MAX} characters; it is stored."
ADJUSTMENT_ID = "Id of a debit or credit of a statement."


@input_type(description="Filter for debits and credits of statements. Every given condition must match.")
class RemittanceAdjustmentFilterInput:
    payers: list[AnsCode] | None = filters.payers()
    providers: list[Cnes] | None = filters.providers()
    status: list[AdjustmentStatus] | None = filters.any_of("Status", len(AdjustmentStatus))
    directions: list[AdjustmentDirection] | None = filters.any_of(
        "Direction", len(AdjustmentDirection), name="direction"
    )
    paid_on: DateRangeInput | None = strawberry.field(default=None, description="Day of the statement's payment.")

    def where(self) -> AdjustmentFilter:
        """The filter as the database layer expects it."""
        return AdjustmentFilter(
            payers=given(self.payers),
            providers=given(self.providers),
            status=given(self.status),
            directions=given(self.directions),
            paid_on=bounds(self.paid_on),
        )


class RemittanceAdjustmentQuery:
    @strawberry.field(
        graphql_type=Connection[RemittanceAdjustment] | None,
        directives=[lists.PAGE],
        description="Debits and credits that statements have beside their claims, without taxes and discounts, oldest "
        "first. Those that nobody has explained have the status OPEN or DISPUTED.",
        extensions=[Requires("remittances:read")],
    )
    async def remittance_adjustments(
        self,
        info: Info,
        filter: Annotated[RemittanceAdjustmentFilterInput | None, FILTER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        check_arguments(filter=filter)
        where = (filter or RemittanceAdjustmentFilterInput()).where()
        order = adjustments.OLDEST_FIRST
        return await adjustments.ADJUSTMENTS.page(info.context, where, order, at=Slice(first, after, last, before))


@input_type(description="Accepts it: a debit as a cost, a credit as income that belongs to no claim.")
class AcceptAdjustmentInput:
    reason: str = strawberry.field(description=REASON)


@input_type(description="What explains it, of the statement's provider and payer: one of the three.")
class LinkAdjustmentInput:
    claim_id: strawberry.ID | None = strawberry.field(default=None, description="Id of a claim.")
    settlement_id: strawberry.ID | None = strawberry.field(
        default=None, description="Id of a settlement, or of the reversal of one."
    )
    credit_id: strawberry.ID | None = strawberry.field(default=None, description="Id of an unapplied credit.")
    reason: str = strawberry.field(description=REASON)


@input_type(description="Turns a credit of a posted statement into an unapplied credit.")
class KeepAdjustmentInput:
    reason: str = strawberry.field(description=REASON)


@input_type(description="Disputes it with the payer.")
class DisputeAdjustmentInput:
    reason: str = strawberry.field(description=REASON)


@input_type(one_of=True, description="What a debit or credit is: one of these.")
class AdjustmentExplanationInput:
    accept: AcceptAdjustmentInput | None = strawberry.field(
        default=strawberry.UNSET, description="Accept it for a reason."
    )
    link: LinkAdjustmentInput | None = strawberry.field(
        default=strawberry.UNSET, description="Name the claim, the settlement or the credit that explains it."
    )
    keep: KeepAdjustmentInput | None = strawberry.field(
        default=strawberry.UNSET, description="Keep a credit as an unapplied credit."
    )
    dispute: DisputeAdjustmentInput | None = strawberry.field(
        default=strawberry.UNSET, description="Dispute it with the payer."
    )

    def explanation(self) -> Explanation:
        """The explanation as the service expects it."""
        name, said = next((name, value) for name, value in vars(self).items() if inputs.member(value) is not None)
        named = {each: getattr(said, each, None) for each in ("claim_id", "settlement_id", "credit_id")}
        return Explanation(AdjustmentStep(name.upper()), said.reason, **named)


@input_type(description="A debit or credit of a statement, and what it is.")
class ExplainAdjustmentInput:
    id: strawberry.ID = strawberry.field(name="remittanceAdjustmentId", description=ADJUSTMENT_ID)
    explanation: AdjustmentExplanationInput = strawberry.field(description="What it is.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"id": self.id, "explanation": self.explanation.explanation(), "version": self.version}


@input_type(description="A debit or credit of a statement that waits again.")
class UndoAdjustmentInput:
    id: strawberry.ID = strawberry.field(name="remittanceAdjustmentId", description=ADJUSTMENT_ID)
    reason: str = strawberry.field(description=REASON)
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str = strawberry.field(description=KEY)


@object_type(description="Result of a step with a debit or credit of a statement.")
class AdjustmentPayload(MutationPayload):
    adjustment: RemittanceAdjustment | None = strawberry.field(
        default=None, description="The debit or credit after the mutation; null if refused."
    )


MUTATIONS = (
    mutation(
        service.EXPLAIN,
        ExplainAdjustmentInput,
        AdjustmentPayload,
        "Explains a debit or credit that a statement has beside its claims.",
    ),
    mutation(
        service.UNDO,
        UndoAdjustmentInput,
        AdjustmentPayload,
        "Takes back how a debit or credit was explained, and withdraws the unapplied credit that was made of it.",
    ),
)
