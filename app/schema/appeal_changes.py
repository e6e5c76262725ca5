"""The mutation that withdraws an appeal."""

import strawberry

from app.schema.base.mutations import KEY, MutationPayload, mutation
from app.schema.base.types import input_type, object_type
from app.schema.objects import Denial
from app.services import denials


@input_type(description="The denial whose appeal is withdrawn.")
class WithdrawAppealInput:
    id: strawberry.ID = strawberry.field(name="denialId", description="Id of an appealed denial.")
    idempotency_key: str = strawberry.field(description=KEY)


@object_type(description="Result of withdrawing an appeal.")
class WithdrawAppealPayload(MutationPayload):
    denial: Denial | None = strawberry.field(
        default=None, description="The denial after the mutation; null if refused."
    )


MUTATIONS = (
    mutation(
        denials.WITHDRAW_APPEAL,
        WithdrawAppealInput,
        WithdrawAppealPayload,
        "Withdraws an appeal that the payer has not answered; it can be made again until the deadline.",
    ),
)
