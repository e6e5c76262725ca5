"""The object types of payers' spreadsheets: their columns, their rows, and where every cent of them is."""

from datetime import date
from typing import Annotated, Any

import strawberry

from app.domain.claims import DENIALS_MAX
from app.domain.money import Cents, Quantity
from app.domain.sheet_cells import Reading
from app.domain.sheet_columns import SheetColumn
from app.domain.sheet_rows import UNREADABLE, CellFailure, SheetRow, SheetRowKind
from app.domain.statement import FINDINGS_MAX, STATEMENTS_MAX, StatementLine
from app.language.messages import in_language
from app.resolvers import sheets
from app.resolvers.paging import Slice
from app.resolvers.sheets import SheetPreview
from app.schema.base import lists
from app.schema.base.arguments import After, Before, First, Last
from app.schema.base.connections import Connection
from app.schema.base.described import described
from app.schema.base.info import Info
from app.schema.base.later import later
from app.schema.base.mutations import check_length
from app.schema.base.permissions import amount, health
from app.schema.base.types import object_type
from app.schema.base.user_errors import MESSAGE
from app.schema.remittance_objects import RemittanceDenial, RemittanceFinding
from app.tiss.sheet_statements import TotalCheck

described(SheetColumn, "What a column of a payer's spreadsheet says; new values may be added.", name="SpreadsheetField")
described(Reading, "How the cells of a column are read.", name="SpreadsheetReading")
described(SheetRowKind, "What a row of a spreadsheet is; new values may be added.", name="SpreadsheetRowKind")
ITEM_READERS = ("claims:read_items", "remittances:import")


@object_type(description="A column of a payer's spreadsheet, and what it says.")
class SpreadsheetColumn:
    position: int = strawberry.field(description="Place of the column, from 1.")
    header: str = strawberry.field(description="Name of the column, up to 100 characters.")
    column: SheetColumn | None = strawberry.field(
        name="field", description="What it says; null if nothing is read of it."
    )
    reading: Reading = strawberry.field(description="How its cells are read.")
    denial_code: str | None = strawberry.field(
        description="The one reason of its denied amounts, a code of Tabela 38; null for others."
    )
    tax_type: str | None = strawberry.field(
        description="Which tax it withholds (tipoDebitoCredito), such as 01 for IRRF; null for others."
    )


@object_type(description="What a column of amounts adds up to.")
class SpreadsheetSum:
    position: int = strawberry.field(description="Place of the column, from 1.")
    column: SheetColumn = strawberry.field(name="field", description="What the column says.")
    lines: Cents | None = amount("amount", "Sum of its rows that are lines.")
    refused: Cents | None = amount("refusedAmount", "Sum of its rows that are refused, as far as it can be read.")


@object_type(description="An amount in a row of totals, compared with the rows above it.")
class SpreadsheetTotal:
    row: int = strawberry.field(name="rowNumber", description="Number of the row, from 1.")
    header: str = strawberry.field(description="Name of the column.")
    stated: Cents | None = amount("statedAmount", "The amount in the row of totals.")
    found: Cents | None = amount("sumAmount", "What the rows above it add up to, since the last total or in all.")

    @strawberry.field(description="Whether both are equal.")
    def is_equal(total: strawberry.Parent[TotalCheck]) -> bool:
        return total.stated == total.found


@object_type(description="A cell that cannot be read.")
class SpreadsheetFailure:
    position: int = strawberry.field(description="Place of the column, from 1; 0 for the whole row.")
    header: str = strawberry.field(description="Name of the column.")

    @strawberry.field(description=MESSAGE)
    def message(failure: strawberry.Parent[CellFailure]) -> str:
        return in_language(failure.message)


@object_type(description="A line as it is read from a row.")
class SpreadsheetLine:
    provider_claim_number: str | None = strawberry.field(
        description="The provider's claim number (numeroGuiaPrestador); null if not given."
    )
    payer_claim_number: str | None = strawberry.field(
        description="The payer's claim number (numeroGuiaOperadora); null if not given."
    )
    protocol_number: str | None = strawberry.field(
        description="Number of the payer's protocol (numeroProtocolo); null if not given."
    )
    item_sequence: int | None = strawberry.field(
        description="Number of the item within the claim (sequencialItem); null if not given."
    )
    item_code: str | None = strawberry.field(
        description="Code of the item (codigoProcedimento); null if not given.", extensions=health(*ITEM_READERS)
    )
    code_system: str | None = strawberry.field(
        description="Table of the item's code (codigoTabela); null if not given.", extensions=health(*ITEM_READERS)
    )
    performed_on: date | None = strawberry.field(
        description="Day of the item (dataRealizacao); null if not given.", extensions=health(*ITEM_READERS)
    )
    quantity: Quantity | None = strawberry.field(
        description="Quantity of the item (qtdExecutada); null if not given.", extensions=health(*ITEM_READERS)
    )
    billed: Cents | None = amount("billedAmount", "Billed amount (valorInformado); null if not given.")
    processed: Cents | None = amount(
        "processedAmount", "Amount that the payer calculated (valorProcessado); null if not given."
    )

    @amount("paidAmount", "Paid amount (valorLiberado); null if it cannot be read.")
    def paid_amount(line: strawberry.Parent[StatementLine]) -> Cents | None:
        return None if line.paid == UNREADABLE else line.paid

    patient: Cents | None = amount("patientAmount", "Owed by the patient (valorFranquia).")

    @strawberry.field(
        graphql_type=list[RemittanceDenial] | None,
        directives=[lists.DENIALS_OF_ITEM],
        description=f"Denied amounts and their reasons (glosas); at most {DENIALS_MAX}.",
        extensions=health(*ITEM_READERS),
    )
    def denials(line: strawberry.Parent[StatementLine]) -> Any:
        return list(line.denials[:DENIALS_MAX])


@object_type(description="A row of a payer's spreadsheet.")
class SpreadsheetRow:
    number: int = strawberry.field(description="Number of the row, from 1.")
    kind: SheetRowKind = strawberry.field(description="What the row is.")
    line: SpreadsheetLine | None = strawberry.field(
        description="The line that it is, as far as it can be read; null if it is none."
    )
    difference: Cents | None = amount(
        "differenceAmount", "What was billed above what is paid, denied and owed by patients; null unless all is said."
    )

    @strawberry.field(
        graphql_type=list[SpreadsheetFailure],
        directives=[lists.SHEET_COLUMNS],
        description="Cells that cannot be read; empty unless the row is refused.",
    )
    def failures(row: strawberry.Parent[SheetRow]) -> Any:
        return list(row.failures)


@object_type(description="A statement that a spreadsheet contains.")
class SpreadsheetStatement:
    statement_number: str | None = strawberry.field(
        description="Its number (numeroDemonstrativo) or, if it has none, one that is made of its content."
    )
    paid_on: date | None = strawberry.field(description="Day of payment (dataPagamento); null if not given.")
    net: Cents | None = amount("netAmount", "What is transferred after taxes; null if the sheet has no taxes.")

    line_count: int = strawberry.field(description="Number of its lines, also of those that are refused.")
    paid: Cents | None = amount("paidAmount", "Sum of the paid amounts of its lines that can be read.")


@object_type(description="How a payer's spreadsheet would be read; nothing is written.")
class SpreadsheetPreview:
    @strawberry.field(description="Encoding of the text, UTF-8 or windows-1252; null for a workbook.")
    def encoding(preview: strawberry.Parent[SheetPreview]) -> str | None:
        return preview.reading.encoding

    @strawberry.field(description="Separator of the text; null for a workbook.")
    def separator(preview: strawberry.Parent[SheetPreview]) -> str | None:
        return preview.reading.separator

    @strawberry.field(description="Number of the row with the names of the columns, from 1.")
    def header_row(preview: strawberry.Parent[SheetPreview]) -> int:
        return preview.reading.header_row

    @strawberry.field(description="Number of rows, of whatever kind.")
    def row_count(preview: strawberry.Parent[SheetPreview]) -> int:
        return preview.reading.sheet_rows

    @strawberry.field(description="Number of rows that are lines of the statement.")
    def line_count(preview: strawberry.Parent[SheetPreview]) -> int:
        return preview.count(SheetRowKind.LINE)

    @strawberry.field(description="Number of rows that are refused.")
    def refused_count(preview: strawberry.Parent[SheetPreview]) -> int:
        return preview.count(SheetRowKind.REFUSED)

    @strawberry.field(
        graphql_type=list[SpreadsheetColumn],
        directives=[lists.SHEET_COLUMNS],
        description="Its columns in their order; those without a `field` are not mapped.",
    )
    def columns(preview: strawberry.Parent[SheetPreview]) -> Any:
        return list(preview.reading.columns)

    @strawberry.field(
        graphql_type=later("StatementMapping", "sheets") | None,
        description="The stored mapping by which it is read; null if the columns are given or proposed.",
    )
    def mapping(preview: strawberry.Parent[SheetPreview]) -> Any:
        return preview.mapping

    @strawberry.field(
        graphql_type=list[SheetColumn],
        directives=[lists.SHEET_COLUMNS],
        description="What a column has to say and none does: it is not read before; empty if it can be imported.",
    )
    def missing(preview: strawberry.Parent[SheetPreview]) -> Any:
        return list(preview.reading.missing)

    @strawberry.field(
        graphql_type=list[SpreadsheetSum],
        directives=[lists.SHEET_COLUMNS],
        description="What each mapped column of amounts adds up to.",
    )
    def sums(preview: strawberry.Parent[SheetPreview]) -> Any:
        return list(preview.reading.sums)

    @strawberry.field(
        graphql_type=list[SpreadsheetTotal],
        directives=[lists.SHEET_TOTALS],
        description="Amounts in rows of totals; the first hundred, those that differ first.",
    )
    def totals(preview: strawberry.Parent[SheetPreview]) -> Any:
        found = sorted(preview.reading.totals, key=lambda each: each.stated == each.found)
        return found[: lists.SHEET_TOTALS.most]

    @strawberry.field(
        graphql_type=list[RemittanceFinding],
        directives=[lists.REMITTANCE_FINDINGS],
        description=f"What was noticed of it as a whole; at most {FINDINGS_MAX}.",
    )
    def findings(preview: strawberry.Parent[SheetPreview]) -> Any:
        return list(preview.look.findings[:FINDINGS_MAX])

    @strawberry.field(
        graphql_type=list[SpreadsheetStatement],
        directives=[lists.STATEMENTS],
        description=f"The statements that it contains, one for each number and day; at most {STATEMENTS_MAX}.",
    )
    def statements(preview: strawberry.Parent[SheetPreview]) -> Any:
        return list(preview.look.statements)

    @amount("billedAmount", "What the lines say was billed.")
    def billed(preview: strawberry.Parent[SheetPreview]) -> Cents | None:
        return preview.look.billed

    @amount("paidAmount", "What the lines pay.")
    def paid(preview: strawberry.Parent[SheetPreview]) -> Cents | None:
        return preview.look.paid

    @amount("deniedAmount", "What the lines deny.")
    def denied(preview: strawberry.Parent[SheetPreview]) -> Cents | None:
        return preview.look.denied

    @amount("patientAmount", "What the lines leave to patients.")
    def patient(preview: strawberry.Parent[SheetPreview]) -> Cents | None:
        return preview.look.patient

    @amount(
        "differenceAmount",
        "What was billed above what is paid, denied and owed by patients, of the lines that say what was billed.",
    )
    def difference(preview: strawberry.Parent[SheetPreview]) -> Cents | None:
        return preview.look.difference

    @strawberry.field(
        graphql_type=Connection[SpreadsheetRow],
        directives=[lists.PAGE],
        description="Its rows, in their order.",
    )
    async def rows(
        preview: strawberry.Parent[SheetPreview],
        info: Info,
        kinds: Annotated[
            list[SheetRowKind] | None,
            strawberry.argument(
                name="kind",
                description="Rows of these kinds; null for all.",
                directives=lists.up_to(len(SheetRowKind)),
            ),
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        check_length(len(SheetRowKind), kind=kinds)
        return await sheets.rows_page(info.context, preview, kinds, at=Slice(first, after, last, before))
