"""The error that leads to another claim."""

import strawberry

from app.db.claims import ClaimRecord
from app.domain.errors import DuplicateClaim
from app.schema.base.info import Info
from app.schema.base.permissions import Requires
from app.schema.base.types import object_type
from app.schema.base.user_errors import UserError
from app.schema.objects import Claim


@object_type(description="The provider already used this claim number with the payer.")
class DuplicateClaimError(UserError):
    record = DuplicateClaim

    @strawberry.field(
        graphql_type=Claim | None,
        description="The claim that has the number; null if it is not in the caller's data scope.",
        extensions=[Requires("claims:read")],
    )
    async def claim(failure: strawberry.Parent[DuplicateClaim], info: Info) -> ClaimRecord | None:
        return None if failure.claim_id is None else await info.context.loaders.claim.load(failure.claim_id)
