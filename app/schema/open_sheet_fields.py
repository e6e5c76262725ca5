"""The open fields of payers' spreadsheets, as those of `open_fields.py`."""

from typing import Final

_PREVIEW: Final = "what only `spreadsheetPreview` leads to, which asks for `remittances:import`"
SHEETS: Final[dict[str, tuple[str, ...]]] = {
    _PREVIEW: (
        "SpreadsheetColumn.field",
        "SpreadsheetColumn.position",
        "SpreadsheetColumn.reading",
        "SpreadsheetFailure.position",
        "SpreadsheetLine.itemSequence",
        "SpreadsheetPreview.columns",
        "SpreadsheetPreview.findings",
        "SpreadsheetPreview.headerRow",
        "SpreadsheetPreview.lineCount",
        "SpreadsheetPreview.missing",
        "SpreadsheetPreview.refusedCount",
        "SpreadsheetPreview.rowCount",
        "SpreadsheetPreview.rows",
        "SpreadsheetPreview.statements",
        "SpreadsheetPreview.sums",
        "SpreadsheetPreview.totals",
        "SpreadsheetRow.failures",
        "SpreadsheetRow.kind",
        "SpreadsheetRow.line",
        "SpreadsheetRow.number",
        "SpreadsheetStatement.lineCount",
        "SpreadsheetStatement.paidOn",
        "SpreadsheetSum.field",
        "SpreadsheetSum.position",
        "SpreadsheetTotal.isEqual",
        "SpreadsheetTotal.rowNumber",
    ),
}

SHEET_TEXTS: Final[dict[str, tuple[str, ...]]] = {
    _PREVIEW: (
        "SpreadsheetColumn.denialCode",
        "SpreadsheetColumn.header",
        "SpreadsheetColumn.taxType",
        "SpreadsheetFailure.header",
        "SpreadsheetFailure.message",
        "SpreadsheetLine.payerClaimNumber",
        "SpreadsheetLine.protocolNumber",
        "SpreadsheetLine.providerClaimNumber",
        "SpreadsheetPreview.encoding",
        "SpreadsheetPreview.separator",
        "SpreadsheetStatement.statementNumber",
        "SpreadsheetTotal.header",
    ),
}
