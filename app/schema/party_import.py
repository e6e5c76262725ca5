"""Importing master data: many rows at once, with a result for each."""

from typing import Any

import strawberry

from app.domain.party_rows import PartyRowKind, PartyRowOutcome
from app.schema.base import lists, weights
from app.schema.base.connections import Node
from app.schema.base.described import described
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, MutationPayload, mutation
from app.schema.base.permissions import Authenticated
from app.schema.base.types import input_type, object_type
from app.schema.base.user_errors import UserError, user_errors
from app.schema.node import find
from app.services import party_files, party_import
from app.services.party_import import ROWS_MAX, RowResult

described(PartyRowKind, "Kind of a row of master data; new values may be added.")
described(PartyRowOutcome, "What became of a row; new values may be added.")


@input_type(description="Master data as text.")
class ImportPartiesInput:
    csv: str = strawberry.field(
        description=f"Up to {ROWS_MAX} rows with commas or semicolons between their values, after a line with the "
        "names of the columns; `kind` is payer, provider, patient, coverage or practitioner."
    )
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"rows": party_files.rows_of_text(self.csv)}


@object_type(description="Result for one row.")
class PartyRowResult:
    line: int = strawberry.field(description="Line in the text; the names of the columns are on line 1.")
    kind: PartyRowKind | None = strawberry.field(description="Kind of the row; null if it is unknown.")
    outcome: PartyRowOutcome = strawberry.field(description="What became of the row.")

    @strawberry.field(
        graphql_type=Node | None,
        description="The party, for callers who may read it; null if refused.",
        extensions=[Authenticated()],
    )
    async def object(result: strawberry.Parent[RowResult], info: Info) -> Any:
        return None if result.party_id is None else await find(info, result.party_id)

    @strawberry.field(
        graphql_type=list[UserError],
        description="Reasons why the row was refused, at the names of its columns; empty on success.",
        directives=[lists.USER_ERRORS],
    )
    def errors(result: strawberry.Parent[RowResult]) -> Any:
        return user_errors(result.failures)

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return isinstance(value, RowResult)


@object_type(description="Results of an import of master data.")
class ImportPartiesPayload(MutationPayload):
    rows: list[PartyRowResult] = strawberry.field(
        default_factory=list,
        description="One result for each row, in their order; empty if the mutation is refused.",
        directives=[lists.PARTY_ROWS],
    )


MUTATIONS = (
    mutation(
        party_import.IMPORT,
        ImportPartiesInput,
        ImportPartiesPayload,
        f"Registers or changes up to {ROWS_MAX} payers, providers, patients, coverages and practitioners, each for "
        "itself; rows of a kind that the caller may not change are refused.",
        directives=weights.DOCUMENT,
    ),
)
