"""Results of mutations on many objects, in one shape."""

from typing import Any

import strawberry

from app.schema.base import lists
from app.schema.base.connections import Node
from app.schema.base.types import interface_type
from app.schema.base.user_errors import UserError, user_errors
from app.services.outcomes import Outcome

ATOMIC = "Whether one refusal refuses all: `errors` of the payload has the reasons then. By default each is for itself."
RESULTS = "One result for each object, in input order; empty if the mutation is refused."


@interface_type(description="Result for one object of a mutation on many.")
class BulkResult:
    id: strawberry.ID = strawberry.field(description="Id of the object, as given in the input.")
    object: Node | None = strawberry.field(description="The object after the mutation; null if refused.")

    @strawberry.field(
        graphql_type=list[UserError],
        description="Reasons why this object was not changed; empty on success.",
        directives=[lists.USER_ERRORS],
    )
    def errors(outcome: strawberry.Parent[Outcome[Any]]) -> Any:
        return user_errors(outcome.failures)

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, Outcome)


def results() -> Any:
    """The payload's list of results."""
    return strawberry.field(default_factory=list, description=RESULTS, directives=[lists.BATCH])


def atomic() -> Any:
    """The input's policy."""
    return strawberry.field(default=False, description=ATOMIC)
