"""Statements that payers send as spreadsheets: how one would be read."""

from typing import Annotated, Any, cast

import strawberry

from app.domain.errors import raise_any
from app.domain.identifiers import AnsCode, Cnes
from app.domain.sheet_cells import Reading
from app.domain.sheet_columns import COLUMNS_MAX, MappedColumn, SheetColumn
from app.resolvers import sheets
from app.schema.base import inputs, lists, weights
from app.schema.base.info import Info
from app.schema.base.inputs import Deferred
from app.schema.base.mutations import failures_in
from app.schema.base.permissions import Requires
from app.schema.sheet_objects import SpreadsheetPreview


@strawberry.input(description="A column of a spreadsheet, and what it says.")
class SpreadsheetColumnInput:
    header: str = strawberry.field(description="Name of the column, as the preview shows it; may be empty.")
    column: SheetColumn | None = strawberry.field(
        default=None, name="field", description="What it says; null if nothing is read of it."
    )
    reading: Reading = strawberry.field(
        default=Reading.TEXT, description="How its cells are read, as the preview shows it."
    )
    denial_code: str | None = strawberry.field(
        default=None, description="The one reason of its denied amounts, a code of Tabela 38; null for others."
    )
    tax_type: str | None = strawberry.field(
        default=None, description="Which tax it withholds (tipoDebitoCredito), up to 2 characters; null for others."
    )


def mapped(columns: list[SpreadsheetColumnInput] | None) -> tuple[MappedColumn, ...] | None:
    """The columns as domain values, numbered in their order."""
    if columns is None:
        return None
    return tuple(
        MappedColumn(position, each.header, each.column, each.reading, each.denial_code, each.tax_type)
        for position, each in enumerate(columns, start=1)
    )


@strawberry.input(description="A spreadsheet to look at before it is imported.")
class SpreadsheetPreviewInput:
    payer: AnsCode = strawberry.field(name="payerAnsCode", description="Payer, by registro ANS.")
    provider: Cnes = strawberry.field(name="providerCnes", description="Provider, by CNES.")
    document_id: strawberry.ID = strawberry.field(description="Id of an uploaded document (.csv or .xlsx).")
    columns: list[SpreadsheetColumnInput] | None = strawberry.field(
        default=None,
        description=f"All its columns in their order, up to {COLUMNS_MAX}; null to have them proposed.",
        directives=lists.up_to(COLUMNS_MAX),
    )

    def arguments(self) -> dict[str, Any]:
        """The arguments of the resolver."""
        columns = mapped(self.columns)
        return {"payer": self.payer, "provider": self.provider, "document_id": self.document_id, "columns": columns}


inputs.defer(SpreadsheetPreviewInput)


def _arguments(input: SpreadsheetPreviewInput) -> dict[str, Any]:
    raise_any(failures_in(input))
    return input.arguments()


@strawberry.type
class SheetQuery:
    @strawberry.field(
        graphql_type=SpreadsheetPreview | None,
        description="How an uploaded spreadsheet of a payer would be read as a statement, by the given columns or by "
        "those that their names propose; nothing is written.",
        extensions=[Requires("remittances:import")],
        directives=weights.STATEMENT,
    )
    async def spreadsheet_preview(
        self,
        info: Info,
        input: Annotated[SpreadsheetPreviewInput, strawberry.argument(description="The spreadsheet to look at.")],
    ) -> Any:
        return await sheets.preview(info.context, **await inputs.read(cast("Deferred", input), _arguments))
