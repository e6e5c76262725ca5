"""Opens payers' spreadsheets (.csv and .xlsx) as rows of cells, within limits; only child processes call it."""

import csv
import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from app.domain.errors import BillingError, ErrorCode, refuse
from app.domain.sheet_cells import Cell, Uncalculated
from app.domain.sheet_columns import COLUMNS_MAX
from app.domain.statement import DOCUMENT_LINES_MAX
from app.tiss.archives import RATIO_MAX, SMALL_BYTES
from app.tiss.xml_guard import count_guides
from app.values.frozen import frozen

ROWS_MAX: Final = DOCUMENT_LINES_MAX + 1_000
"""Lines, and what is between them."""
BYTES_MAX: Final = 16 * 1024 * 1024
PARTS_MAX: Final = 200
PART_BYTES_MAX: Final = 32 * 1024 * 1024
WORKBOOK_BYTES_MAX: Final = 64 * 1024 * 1024
CELL_LENGTH_MAX: Final = 1_000
_ZIP: Final = b"PK"
_SEPARATORS: Final = (";", "\t", ",")
_SAMPLE_LINES: Final = 40
_FORMULAS: Final = (b"<f>", b"<f ", b"<f/")
_UNREADABLE: Final = "the workbook cannot be read: save it again as .xlsx, or as .csv"


@frozen
class Sheet:
    """The rows of a spreadsheet, and in which form they were found: of text, its encoding and its separator."""

    rows: tuple[tuple[Cell, ...], ...]
    encoding: str | None = None
    separator: str | None = None


def opened(content: bytes) -> Sheet:
    """The first worksheet, or the rows of the text; INVALID_INPUT with what to do for a file that is neither."""
    if len(content) > BYTES_MAX:
        raise _refusal(f"a spreadsheet has at most {BYTES_MAX // SMALL_BYTES} MiB: send several")
    found = _workbook(content) if content.startswith(_ZIP) else _text(content)
    if len(found.rows) > ROWS_MAX:
        raise _refusal(f"the spreadsheet has more than {ROWS_MAX:,} rows: send several")
    return found


def _text(content: bytes) -> Sheet:
    if b"\0" in content:
        raise _refusal("this is no spreadsheet: save it as .csv (UTF-8) or .xlsx")
    try:
        text, encoding = content.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        # What older systems write; it has a character for every byte that they use.
        text, encoding = content.decode("cp1252", errors="replace"), "windows-1252"
    separator = _separator_of(text)
    try:
        rows = list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=separator), ROWS_MAX + 1))
    except csv.Error:
        message = "the file has a cell that does not end, perhaps for a quotation mark: save it as .xlsx"
        raise _refusal(message) from None
    _check_quotes(rows, separator)
    return Sheet(tuple(tuple(_clean(cell) for cell in row[:COLUMNS_MAX]) for row in rows), encoding, separator)


def _check_quotes(rows: Sequence[Sequence[str]], separator: str) -> None:
    """After a quotation mark that does not end, the rows below are the text of a cell: none may be lost like that."""
    ((usual, _),) = Counter(map(len, rows)).most_common(1) or ((0, 0),)
    for number, row in enumerate(rows, start=1):
        lines = (line for cell in row for line in cell.splitlines()[1:])
        if usual > 1 and any(line.count(separator) >= usual - 1 for line in lines):
            raise _refusal(f"row {number} has a quotation mark that does not end: remove it")


def _separator_of(text: str) -> str:
    """The separator that the most rows agree on; commas may also be decimal."""
    lines = [line for line in text.splitlines()[:_SAMPLE_LINES] if line.strip()]
    return max(_SEPARATORS, key=lambda each: (sum(each in line for line in lines), -_SEPARATORS.index(each)))


def _clean(text: str) -> str:
    return text[:CELL_LENGTH_MAX].strip().strip("\ufeff\u00a0").strip()


def _workbook(content: bytes) -> Sheet:
    has_formulas = _checked(content)
    values = list(_sheet_rows(content, data_only=True))
    if has_formulas:
        # The results of formulas and the formulas themselves are two readings of the file.
        formulas = _sheet_rows(content, data_only=False)
        values = [_with_formulas(*both) for both in zip(values, formulas, strict=True)]
    return Sheet(tuple(tuple(_cell(cell) for cell in row) for row in values))


def _sheet_rows(content: bytes, *, data_only: bool) -> Iterator[Sequence[Any]]:
    # It takes a tenth of a second to import, and only the child process needs it.
    from openpyxl import load_workbook  # noqa: PLC0415 - see above
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415 - see above

    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=data_only, keep_links=False)
        sheet = next((each for each in book.worksheets if each.sheet_state == "visible"), None)
        if sheet is None:
            raise _refusal("the workbook has no worksheet: save it as .csv")
        # A file may say that it has a million rows.
        sheet.reset_dimensions()
        yield from sheet.iter_rows(max_row=ROWS_MAX + 1, max_col=COLUMNS_MAX, values_only=True)
    except (InvalidFileException, zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError, AttributeError):
        raise _refusal(_UNREADABLE) from None


def _with_formulas(values: Sequence[Any], formulas: Sequence[Any]) -> Sequence[Any]:
    """The cells, those marked whose formula has no result in the file."""
    both = zip(values, formulas, strict=True)
    return [Uncalculated() if value is None and formula is not None else value for value, formula in both]


def _cell(value: Any) -> Cell:
    if value is None or isinstance(value, Uncalculated):
        return value
    if isinstance(value, bool):
        return "VERDADEIRO" if value else "FALSO"
    if isinstance(value, int | float):
        # The shortest text that is this number: 0.1, not 0.1000000000000000055.
        return Decimal(repr(value))
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else _clean(str(value)) or None


def _checked(content: bytes) -> bool:
    """Whether the workbook has formulas; INVALID_INPUT for one that takes much more to read than it has bytes."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if len(parts) > PARTS_MAX or sum(each.file_size for each in parts) > WORKBOOK_BYTES_MAX:
                raise _refusal("the workbook is too large: save its first worksheet alone, as .xlsx or .csv")
            checked = [_has_formulas(archive, each) for each in parts if each.filename.endswith((".xml", ".rels"))]
            return any(checked)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError, RuntimeError):
        raise _refusal(_UNREADABLE) from None


def _has_formulas(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    if part.file_size > SMALL_BYTES and part.file_size > RATIO_MAX * max(part.compress_size, 1):
        raise _refusal("the workbook is compressed too much to be one of a payer: save it as .csv")
    with archive.open(part) as file:
        xml = file.read(PART_BYTES_MAX + 1)
    if len(xml) > PART_BYTES_MAX:
        raise _refusal("the workbook is too large: save its first worksheet alone, as .xlsx or .csv")
    try:
        count_guides(xml)
    except BillingError:
        raise _refusal(_UNREADABLE) from None
    return "worksheets/" in part.filename and any(mark in xml for mark in _FORMULAS)


def _refusal(message: str) -> BillingError:
    return refuse(ErrorCode.INVALID_INPUT, message, "documentId")
