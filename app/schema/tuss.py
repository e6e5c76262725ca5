"""TUSS terms: type and queries."""

from datetime import date
from typing import Annotated, Any, Final

import strawberry

from app.db.tuss import TussRecord
from app.domain.code_tables import TABLES
from app.executor.reach import Owner
from app.resolvers import tuss
from app.resolvers.paging import Slice
from app.schema.base import lists, weights
from app.schema.base.arguments import After, Before, First, Last
from app.schema.base.connections import Connection, Node
from app.schema.base.info import Info
from app.schema.base.mutations import check_arguments
from app.schema.base.permissions import Requires
from app.schema.base.types import object_type


@object_type(description="A term of the unified health terminology (TUSS).")
class TussTerm(Node):
    record = TussRecord
    owner = Owner.EVERYBODY

    code_system: str = strawberry.field(
        description=f"TUSS table (codigoTabela): {', '.join(f'{number} {what}' for number, what in TABLES.items())}."
    )
    code: str = strawberry.field(description="Code within the table.")
    term: str = strawberry.field(description="Official text, in Portuguese.")
    valid_from: date | None = strawberry.field(
        description="First day on which the code can be billed; null if unlimited."
    )
    valid_to: date | None = strawberry.field(
        description="Last day on which the code can be billed; null if still valid."
    )


CODE_SYSTEM: Final = strawberry.argument(description="TUSS table, such as `22` for procedures or `24` for the CBO.")


class TussQuery:
    @strawberry.field(
        graphql_type=TussTerm | None,
        description="A TUSS term by table and code; null if unknown.",
        extensions=[Requires("tuss:read")],
    )
    async def tuss_term(
        self,
        info: Info,
        code_system: Annotated[str, CODE_SYSTEM],
        code: Annotated[str, strawberry.argument(description="Code within the table.")],
    ) -> TussRecord | None:
        return await info.context.loaders.term.load((code_system, code))

    @strawberry.field(
        graphql_type=Connection[TussTerm] | None,
        description="Searches the TUSS terms by up to 6 words of 2 characters or more: digits match the start of a "
        "code, other words match the text.",
        extensions=[Requires("tuss:read")],
        directives=[lists.PAGE, *weights.TERM_SEARCH],
    )
    async def tuss_terms(
        self,
        info: Info,
        search: Annotated[
            str | None, strawberry.argument(description="Start of a code, or words of the text; null for all.")
        ] = None,
        code_system: Annotated[str | None, strawberry.argument(description="TUSS table; null for all.")] = None,
        valid_on: Annotated[
            date | None, strawberry.argument(description="Only terms that can be billed on this day; null for all.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        check_arguments(valid_on=valid_on)
        return await tuss.search(
            info.context, text=search, code_system=code_system, valid_on=valid_on, at=Slice(first, after, last, before)
        )
