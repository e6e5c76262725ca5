"""Worksheets of master data (.xlsx) as rows, in the form of the text files.

Rows are read as they are needed. The texts that cells share are in memory all the same, since the format has them in a
table of its own. Only the command imports this module: the gateway reads no worksheets.
"""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from app.domain.errors import ErrorCode, refuse
from app.domain.party_rows import PartyRow
from app.services.party_files import columns_of, row_of

SUFFIX: Final = ".xlsx"


def rows_of(path: Path) -> Iterator[PartyRow]:
    """The rows of the first worksheet, whose first row has the names of the columns; INVALID_INPUT if it has none."""
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, BadZipFile, KeyError, ValueError):
        raise refuse(ErrorCode.INVALID_INPUT, "this is no worksheet: save it as .xlsx or .csv") from None
    try:
        rows = book.worksheets[0].iter_rows(values_only=True)
        columns = columns_of([_text(cell) for cell in next(rows, ())])
        for number, cells in enumerate(rows, start=2):
            yield from row_of(number, columns, [_text(cell) for cell in cells])
    finally:
        book.close()


def _text(cell: Any) -> str:
    """The cell as text: a number without decimals as its digits, a day as YYYY-MM-DD."""
    if cell is None:
        return ""
    if isinstance(cell, datetime | date):
        return cell.isoformat()[:10]
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
