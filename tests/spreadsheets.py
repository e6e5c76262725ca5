"""Spreadsheets as payers' portals export them."""

import io
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook

Row = Sequence[Any]
ITEM_HEADER = (
    *("Nº Guia Prestador", "Nº Guia Operadora", "Senha", "Carteirinha", "Beneficiário", "Dt. Atendimento", "Tab."),
    *("Cód. Procedimento", "Descrição", "Qtde", "Vlr Apresentado", "Vlr Processado", "Vlr Pago", "Vlr Glosa"),
    *("Motivo Glosa", "Protocolo"),
)
PREVIEWED = 'spreadsheet: {payerAnsCode: "1", providerCnes: "1", documentId: "x"}'
CHANGES = {
    "importSpreadsheet": f'{PREVIEWED}, idempotencyKey: "k"',
    "saveStatementMapping": 'payerAnsCode: "1", providerCnes: "1", columns: [], idempotencyKey: "k"',
    "deleteStatementMapping": 'statementMappingId: "x"',
}
"""Mutations about spreadsheets, and the least that each of them is given."""


def text_file(*rows: Row, separator: str = ";", encoding: str = "utf-8") -> bytes:
    """The rows as .csv."""
    quoted = ([f'"{cell}"' if separator in str(cell) else str(cell) for cell in row] for row in rows)
    return "\r\n".join(separator.join(row) for row in quoted).encode(encoding)


def workbook(*rows: Row) -> bytes:
    """The rows as .xlsx, with the types of their values."""
    book, file = Workbook(), io.BytesIO()
    assert book.active is not None
    for row in rows:
        book.active.append(list(row))
    book.save(file)
    return file.getvalue()
