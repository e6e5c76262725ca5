"""The error that leads to another party."""

from typing import Any

import strawberry

from app.domain.errors import DuplicateParty
from app.schema.base.connections import Node
from app.schema.base.info import Info
from app.schema.base.permissions import Authenticated
from app.schema.base.types import object_type
from app.schema.base.user_errors import UserError
from app.schema.node import find


@object_type(description="Another payer, provider, patient, card or practitioner has the number already.")
class DuplicatePartyError(UserError):
    record = DuplicateParty

    @strawberry.field(
        graphql_type=Node | None,
        description="The one that has it, for callers who may read it; null if it is not in the data scope.",
        extensions=[Authenticated()],
    )
    async def existing(failure: strawberry.Parent[DuplicateParty], info: Info) -> Any:
        return None if failure.party_id is None else await find(info, failure.party_id)
