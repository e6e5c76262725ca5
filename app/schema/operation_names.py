"""The operation names that metrics show by name, derived from the schema."""

from collections.abc import Iterator
from typing import Final

from app.schema.root import schema

COMMON_NAMES: Final = frozenset(
    {"Indicators", "Preflight", "SearchTerms", "UnmatchedLines", "WatchClaims", "WatchSettlements"}
    | {"IntrospectionQuery"}
)
"""Names in use that differ from their root field: the examples of the README, and tools that read the schema."""


def _root_fields() -> Iterator[str]:
    types = schema._schema  # noqa: SLF001 - Strawberry has no public name for it
    for root in (types.query_type, types.mutation_type, types.subscription_type):
        if root is not None:
            yield from root.fields


OPERATION_NAMES: Final = COMMON_NAMES | {field[0].upper() + field[1:] for field in _root_fields()}
"""The names that clients usually choose: `CreateClaim` for the root field `createClaim`.

Clients are free to choose any name, and each name in the metrics is a time series of its own. One per root field bounds
them and still shows which mutation fails; BILLING_REGISTERED_OPERATIONS adds others.
"""
