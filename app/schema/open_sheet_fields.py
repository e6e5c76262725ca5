"""The open fields of payers' spreadsheets, as those of `open_fields.py`."""

from typing import Final

_PREVIEW: Final = "what only `spreadsheetPreview` leads to, which asks for `remittances:import`"
SHEETS: Final[dict[str, tuple[str, ...]]] = {
    "what is known of a mapping, which only `remittances:import` leads to": (
        "DeleteStatementMappingPayload.deletedStatementMappingId",
        "SaveStatementMappingPayload.mapping",
        "SpreadsheetPreview.mapping",
        "StatementMapping.columns",
        "StatementMapping.createdAt",
        "StatementMapping.id",
        "StatementMapping.payer",
        "StatementMapping.provider",
        "StatementMapping.updatedAt",
        "StatementMapping.version",
    ),
    "results of an import of a spreadsheet": (
        "ImportSpreadsheetPayload.alreadyImported",
        "ImportSpreadsheetPayload.remittance",
        "ImportSpreadsheetPayload.remittances",
    ),
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
    "which statement a spreadsheet was imported as before, or why it is refused": ("ImportSpreadsheetPayload.notices",),
    "who of the provider's staff confirmed a mapping": ("StatementMapping.createdBy", "StatementMapping.updatedBy"),
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
