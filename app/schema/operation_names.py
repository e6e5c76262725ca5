"""The operation names that may become values of a metric label, derived from the schema."""

from collections.abc import Iterator
from typing import Final

from app.schema.root import schema

COMMON_NAMES: Final = {
    **dict.fromkeys(("Dashboard", "Form", "Indicators", "Preflight", "SearchTerms", "UnmatchedLines"), "query"),
    **dict.fromkeys(("DenialHistory", "DenialsToAppeal", "IntrospectionQuery"), "query"),
    **dict.fromkeys(("WatchClaims", "WatchSettlements"), "subscription"),
}
"""Common names that differ from their root field: examples of the documents, and tools that introspect the schema."""


def _root_fields() -> Iterator[tuple[str, str]]:
    types = schema._schema  # noqa: SLF001 - Strawberry has no public name for it
    for root in (types.query_type, types.mutation_type, types.subscription_type):
        if root is not None:
            yield from ((field, root.name.lower()) for field in root.fields)


OPERATION_TYPES: Final = COMMON_NAMES | {field[0].upper() + field[1:]: type for field, type in _root_fields()}
"""The names that clients usually choose, each with the type of such an operation: `CreateClaim`, a mutation, for the
root field `createClaim`.

Clients may choose any name, and each label value is a separate time series. One name for each root field limits their
number and still shows which mutation fails; BILLING_REGISTERED_OPERATIONS adds others.
"""
