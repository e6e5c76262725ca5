"""The largest calls about payers' spreadsheets."""

from typing import Any

from app.domain.sheet_columns import COLUMNS_MAX
from app.domain.statement import DOCUMENT_LINES_MAX
from app.resolvers.paging import LINES_PAGE_MAX, PAGE_MAX
from tests.factories import key
from tests.hostile.largest_data import Big, Call
from tests.hostile.largest_documents import uploaded
from tests.spreadsheets import text_file

COLUMN = "position header field reading"
HEADER = ("Guia", "Código", "Valor informado", "Valor pago", "Glosa 1705")
FIELDS = ("PROVIDER_CLAIM_NUMBER", "ITEM_CODE", "BILLED_AMOUNT", "PAID_AMOUNT", "DENIED_AMOUNT")
LINE = "providerClaimNumber itemCode paidAmount billedAmount denials { code amount }"


def _parties(big: Big) -> dict[str, Any]:
    return {"payerAnsCode": big.world.payer, "providerCnes": big.world.provider}


async def _sheet(big: Big) -> dict[str, Any]:
    """A spreadsheet with as many lines as one can have, and how it is read."""
    row = ("10101012", "10,00", "8,00", "2,00")
    content = text_file(HEADER, *((f"L{key()[:6]}{number}", *row) for number in range(DOCUMENT_LINES_MAX)))
    columns = [{"header": header, "field": field} for header, field in zip(HEADER, FIELDS, strict=True)]
    columns[-1]["denialCode"] = "1705"
    return {**_parties(big), "documentId": await uploaded(big, content, "finance"), "columns": columns}


async def preview(big: Big) -> Call:
    query = f"""query($sheet: SpreadsheetInput!) {{ spreadsheetPreview(spreadsheet: $sheet) {{
      columns {{ {COLUMN} }} sums {{ amount }} rows(first: 100) {{ totalCount nodes {{ kind line {{ {LINE} }} }} }}
    }} }}"""
    return big.read(query, '"LINE"', PAGE_MAX - 1, role="finance", sheet=await _sheet(big))


async def import_sheet(big: Big) -> Call:
    fields = "remittance { id lines(first: 1000) { nodes { id sequence claim { id } } } }"
    values = {"spreadsheet": await _sheet(big), "idempotencyKey": key()}
    return big.change("finance", "importSpreadsheet", fields, '"sequence":', LINES_PAGE_MAX, **values)


def _widest(big: Big) -> dict[str, Any]:
    columns = [{"header": f"Coluna {number} {key()}"[:100]} for number in range(COLUMNS_MAX - 2)]
    read = [{"header": "Guia", "field": "PROVIDER_CLAIM_NUMBER"}, {"header": "Pago", "field": "PAID_AMOUNT"}]
    return {**_parties(big), "columns": [*read, *columns], "idempotencyKey": key()}


async def _mapping(big: Big) -> str:
    saved = await big.world.mutate("finance", "saveStatementMapping", "mapping { id }", **_widest(big))
    return str(saved["mapping"]["id"])


async def mappings(big: Big) -> Call:
    for _ in range(PAGE_MAX):
        await _mapping(big)
    query = f"{{ statementMappings(first: 100) {{ nodes {{ id columns {{ {COLUMN} }} }} }} }}"
    return big.read(query, '"header":', PAGE_MAX * COLUMNS_MAX, role="finance")


async def save_mapping(big: Big) -> Call:
    fields = f"mapping {{ id columns {{ {COLUMN} }} }}"
    return big.change("finance", "saveStatementMapping", fields, '"header":', COLUMNS_MAX, **_widest(big))


async def delete_mapping(big: Big) -> Call:
    values = {"statementMappingId": await _mapping(big)}
    return big.change("finance", "deleteStatementMapping", "deletedStatementMappingId", '"stm_', 1, **values)
