"""Text files of master data as rows: with commas or semicolons, in UTF-8 or ISO-8859-1.

Rows are read as they are needed, so that a file of any length takes the same memory.
"""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from app.domain import party_rows
from app.domain.errors import ErrorCode, refuse
from app.domain.party_rows import PartyRow

CHUNK_BYTES: Final = 1024 * 1024
CELL_LENGTH_MAX: Final = 1_000
COLUMNS_MAX: Final = 50


def rows_of(path: Path) -> Iterator[PartyRow]:
    """The rows of the file, whose first line has the names of the columns; INVALID_INPUT if it has none."""
    with path.open(encoding=_encoding_of(path), newline="") as file:
        yield from _of_lines(file)


def rows_of_text(text: str) -> list[PartyRow]:
    """The rows of a text in the same form."""
    return list(_of_lines(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def _encoding_of(path: Path) -> str:
    """UTF-8 if the whole file is, with or without its mark; what is not comes from an older system."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    with path.open("rb") as file:
        try:
            while chunk := file.read(CHUNK_BYTES):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "iso-8859-1"
    return "utf-8-sig"


def _of_lines(lines: Iterable[str]) -> Iterator[PartyRow]:
    iterator = iter(lines)
    header = next(iterator, "")
    columns = columns_of(next(csv.reader([header], delimiter=_delimiter_of(header)), []))
    reader = csv.reader(iterator, delimiter=_delimiter_of(header))
    try:
        for cells in reader:
            # The header is the first line of the file.
            yield from row_of(reader.line_num + 1, columns, cells)
    except csv.Error as error:
        raise refuse(ErrorCode.INVALID_INPUT, f"line {reader.line_num + 1} cannot be read: {error}", "csv") from None


def _delimiter_of(header: str) -> str:
    return ";" if header.count(";") > header.count(",") else ","


def columns_of(header: Sequence[str]) -> list[str]:
    """The names of the columns; INVALID_INPUT if there are none."""
    columns = [party_rows.column_of(each) for each in header[:COLUMNS_MAX]]
    if not any(columns):
        raise refuse(ErrorCode.INVALID_INPUT, "the first line must have the names of the columns", "csv")
    return columns


def row_of(line: int, columns: Sequence[str], cells: Sequence[str]) -> Iterator[PartyRow]:
    """The row, if it is not empty."""
    if any(cell.strip() for cell in cells):
        yield party_rows.read(line, columns, [cell[:CELL_LENGTH_MAX] for cell in cells])
