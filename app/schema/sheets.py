"""Statements that payers send as spreadsheets: how one would be read, its import, and the mappings of its columns."""

from datetime import date, datetime
from typing import Annotated, Any

import strawberry

from app.db.statement_mappings import StatementMappingFilter, StatementMappingRecord
from app.domain.identifiers import AnsCode, Cnes
from app.domain.settlements import PaymentMethod
from app.domain.sheet_cells import Reading
from app.domain.sheet_columns import COLUMNS_MAX, MappedColumn, Mapping, SheetColumn, read_as
from app.domain.statement import STATEMENTS_MAX
from app.executor.reach import Owner
from app.language.messages import in_language
from app.resolvers import sheets
from app.resolvers.paging import Slice
from app.schema.base import filters, lists, weights
from app.schema.base.arguments import FILTER, After, Before, First, Last
from app.schema.base.connections import Connection, Node
from app.schema.base.filters import given
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, VERSION, MutationPayload, check_arguments, mutation
from app.schema.base.permissions import Requires
from app.schema.base.relations import related
from app.schema.base.types import input_type, object_type
from app.schema.parties import Payer, Provider
from app.schema.remittance_objects import Remittance
from app.schema.sheet_objects import SpreadsheetColumn, SpreadsheetPreview
from app.services import sheet_imports
from app.services import statement_mappings as service
from app.services.sheet_imports import SheetForm


@object_type(description="How the columns of a payer's spreadsheets with these headers are read for a provider.")
class StatementMapping(Node):
    record = StatementMappingRecord
    owner = Owner.PARTIES

    version: int = strawberry.field(
        description="Increases with every change; pass it back as `version` to detect concurrent changes."
    )
    created_at: datetime = strawberry.field(description="Time of creation.")
    created_by: str = strawberry.field(description="Who confirmed it first: the subject of a token.")
    updated_at: datetime = strawberry.field(description="Time of the last change.")
    changed_by: str = strawberry.field(name="updatedBy", description="Who confirmed it last: the subject of a token.")

    @strawberry.field(
        graphql_type=list[SpreadsheetColumn],
        directives=[lists.SHEET_COLUMNS],
        description="All columns in their order; those without a `field` are not read.",
    )
    def columns(mapping: strawberry.Parent[StatementMappingRecord]) -> Any:
        return list(mapping.mapped_columns)

    payer = related(
        Payer | None, lambda loaders: loaders.payer, "payer_ans", description="The payer (operadora) that sends them."
    )
    provider = related(
        Provider | None,
        lambda loaders: loaders.provider,
        "provider_cnes",
        description="The provider (prestador) that gets them.",
    )


@input_type(description="A column of a spreadsheet, and what it says.")
class SpreadsheetColumnInput:
    header: str = strawberry.field(description="Name of the column, as the preview shows it; may be empty.")
    column: SheetColumn | None = strawberry.field(
        default=None, name="field", description="What it says; null if nothing is read of it."
    )
    reading: Reading | None = strawberry.field(
        default=None, description="How its numbers are read, with a decimal comma unless this says otherwise."
    )
    denial_code: str | None = strawberry.field(
        default=None, description="The one reason of its denied amounts, a code of Tabela 38; null for others."
    )
    tax_type: str | None = strawberry.field(
        default=None, description="Which tax it withholds (tipoDebitoCredito), up to 2 characters; null for others."
    )


def _mapped(columns: list[SpreadsheetColumnInput]) -> Mapping:
    """The columns as domain values, numbered in their order."""
    return tuple(
        MappedColumn(
            place,
            " ".join(each.header.split()),
            each.column,
            read_as(each.column, each.reading),
            each.denial_code,
            each.tax_type,
        )
        for place, each in enumerate(columns, start=1)
    )


@input_type(description="A payer's spreadsheet, and how its columns are read.")
class SpreadsheetInput:
    payer: AnsCode = strawberry.field(name="payerAnsCode", description="Payer, by registro ANS.")
    provider: Cnes = strawberry.field(name="providerCnes", description="Provider, by CNES.")
    document_id: strawberry.ID = strawberry.field(description="Id of an uploaded document (.csv or .xlsx).")
    columns: list[SpreadsheetColumnInput] | None = strawberry.field(
        default=None,
        description=f"All its columns in their order, up to {COLUMNS_MAX}; null to read them as they are stored, or to "
        "have them proposed in a preview.",
        directives=lists.up_to(COLUMNS_MAX),
    )

    def mapped(self) -> Mapping | None:
        """The columns as domain values."""
        return None if self.columns is None else _mapped(self.columns)


@input_type(description="Filter for mappings of spreadsheets. Every given condition must match.")
class StatementMappingFilterInput:
    ids: list[strawberry.ID] | None = filters.any_of("Id")
    payers: list[AnsCode] | None = filters.payers()
    providers: list[Cnes] | None = filters.providers()

    def where(self) -> StatementMappingFilter:
        """The filter as the database layer expects it."""
        return StatementMappingFilter(given(self.ids), given(self.payers), given(self.providers))


class SheetQuery:
    @strawberry.field(
        graphql_type=SpreadsheetPreview | None,
        description="How an uploaded spreadsheet of a payer would be read, by the given columns, by those that are "
        "stored for its headers, or by those that these propose; nothing is written.",
        extensions=[Requires("remittances:import")],
        directives=weights.STATEMENT,
    )
    async def spreadsheet_preview(
        self,
        info: Info,
        spreadsheet: Annotated[SpreadsheetInput, strawberry.argument(description="The spreadsheet to look at.")],
    ) -> Any:
        check_arguments(spreadsheet=spreadsheet)
        parties = {"payer": spreadsheet.payer, "provider": spreadsheet.provider}
        columns = spreadsheet.mapped()
        return await sheets.preview(info.context, **parties, document_id=spreadsheet.document_id, columns=columns)

    @strawberry.field(
        graphql_type=Connection[StatementMapping] | None,
        description="Mappings of payers' spreadsheets in the caller's data scope, oldest first.",
        extensions=[Requires("remittances:import")],
        directives=[lists.PAGE],
    )
    async def statement_mappings(
        self,
        info: Info,
        filter: Annotated[StatementMappingFilterInput | None, FILTER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        check_arguments(filter=filter)
        where = (filter or StatementMappingFilterInput()).where()
        return await sheets.MAPPINGS.page(
            info.context, where, sheets.OLDEST_FIRST, at=Slice(first, after, last, before)
        )


@input_type(description="The payment of a spreadsheet, as far as the file does not say it.")
class SpreadsheetPaymentInput:
    paid_on: date | None = strawberry.field(
        default=None, description="Day of payment, not in the future; null if the file has it, or only decides."
    )
    method: PaymentMethod = strawberry.field(
        default=PaymentMethod.BANK_TRANSFER, description="Payment method (formaPagamento)."
    )
    bank_reference: str | None = strawberry.field(
        default=None, description="The bank's reference of the payment, up to 60 characters."
    )


@input_type(description="A payer's spreadsheet to import.")
class ImportSpreadsheetInput:
    spreadsheet: SpreadsheetInput = strawberry.field(
        description="The spreadsheet; its columns are stored for the next file with the same headers."
    )
    statement_number: str | None = strawberry.field(
        default=None,
        description="Statement number, up to 20 characters; null for the file's own, or one made of its content.",
    )
    payment: SpreadsheetPaymentInput | None = strawberry.field(
        default=None, description="The payment; null if the file says all of it, or only decides."
    )
    accepts_refused_rows: bool = strawberry.field(
        default=False,
        name="acceptRefusedRows",
        description="Whether rows that cannot be read become lines that wait for a person; else they refuse the file.",
    )
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        sheet, payment = self.spreadsheet, self.payment or SpreadsheetPaymentInput()
        return {
            "form": SheetForm(
                *(sheet.payer, sheet.provider, sheet.document_id, sheet.mapped(), self.statement_number or ""),
                *(payment.paid_on, payment.method, payment.bank_reference, self.accepts_refused_rows),
            )
        }


@input_type(description="How the columns of a payer's spreadsheets are read.")
class SaveStatementMappingInput:
    payer: AnsCode = strawberry.field(name="payerAnsCode", description="Payer, by registro ANS.")
    provider: Cnes = strawberry.field(name="providerCnes", description="Provider, by CNES.")
    columns: list[SpreadsheetColumnInput] = strawberry.field(
        description=f"All columns in their order, 1 to {COLUMNS_MAX}.", directives=lists.up_to(COLUMNS_MAX)
    )
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        parties = {"payer": self.payer, "provider": self.provider}
        return {**parties, "columns": _mapped(self.columns), "version": self.version}


@input_type(description="The mapping to delete.")
class DeleteStatementMappingInput:
    id: strawberry.ID = strawberry.field(name="statementMappingId", description="Id of the mapping.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@object_type(description="Result of importing a spreadsheet.")
class ImportSpreadsheetPayload(MutationPayload):
    remittance: Remittance | None = strawberry.field(
        default=None, description="The first remittance after the mutation; null if refused."
    )
    already_imported: bool = strawberry.field(
        default=False, description="Whether all of it was imported before and nothing was changed."
    )
    remittances: list[Remittance] = strawberry.field(
        default_factory=list,
        description=f"All remittances of the spreadsheet, at most {STATEMENTS_MAX}.",
        directives=[lists.STATEMENTS],
    )
    notices: list[str] = strawberry.field(
        default_factory=list,
        description="For each remittance that was imported before, also under another number, which one it is; for "
        "each of several statements that is refused, why. In English or Portuguese by `Accept-Language`.",
        directives=[lists.STATEMENTS],
    )

    def __post_init__(self) -> None:
        self.notices = [in_language(each) for each in self.notices]


@object_type(description="Result of saving a mapping.")
class SaveStatementMappingPayload(MutationPayload):
    mapping: StatementMapping | None = strawberry.field(
        default=None, description="The mapping after the mutation; null if refused."
    )


@object_type(description="Result of deleting a mapping.")
class DeleteStatementMappingPayload(MutationPayload):
    deleted_statement_mapping_id: strawberry.ID | None = strawberry.field(
        default=None, description="Id of the deleted mapping; null if refused."
    )


MUTATIONS = (
    mutation(
        sheet_imports.IMPORT,
        ImportSpreadsheetInput,
        ImportSpreadsheetPayload,
        "Imports a payer's spreadsheet as its statements, and stores how its columns are read for the next file with "
        "the same headers; importing the same cells again changes nothing.",
        directives=weights.STATEMENT,
    ),
    mutation(
        service.SAVE,
        SaveStatementMappingInput,
        SaveStatementMappingPayload,
        "Stores how the columns of a payer's spreadsheets are read, in place of what was stored for the same headers.",
    ),
    mutation(
        service.DELETE,
        DeleteStatementMappingInput,
        DeleteStatementMappingPayload,
        "Deletes a mapping; statements that were read by it stay as they are.",
    ),
)
