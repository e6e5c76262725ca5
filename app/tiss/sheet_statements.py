"""Reads a payer's spreadsheet by a mapping as its statements, and says where every row and every cent of it is."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

import orjson

from app.domain import sheet_columns
from app.domain.errors import ErrorCode, Failure, refuse
from app.domain.money import Cents, format_money
from app.domain.sheet_cells import Uncalculated, text_of
from app.domain.sheet_columns import AMOUNTS, MappedColumn, SheetColumn, digest_of, headers_of
from app.domain.sheet_rows import UNREADABLE, CellFailure, RowReader, SheetRow, SheetRowKind, sum_of, waiting_line
from app.domain.statement import (
    DOCUMENT_LINES_MAX,
    FINDINGS_MAX,
    STATEMENTS_MAX,
    AdjustmentDirection,
    AdjustmentLevel,
    StatementAdjustment,
    StatementFinding,
    StatementFindingKind,
    StatementKind,
    StatementLine,
)
from app.tiss import spreadsheets
from app.tiss.read_statement import StatementMessage
from app.tiss.spreadsheets import Sheet
from app.values.frozen import frozen

HEADER_ROWS_MAX: Final = 30
"""The names of the columns are in one of the first rows."""
RECOGNIZED_MIN: Final = 2
FAILURES_MAX: Final = 100
_LINES: Final = (SheetRowKind.LINE, SheetRowKind.REFUSED)
Columns = sheet_columns.Mapping


@frozen
class ColumnSum:
    """What a mapped column of amounts adds up to: of its lines, and of the rows that are refused."""

    position: int
    header: str
    column: SheetColumn
    lines: Cents
    refused: Cents


@frozen
class TotalCheck:
    """An amount in a row of totals, and the sum of the rows above that it was compared with."""

    row: int
    header: str
    stated: Cents
    found: Cents


@frozen
class SheetReading:
    """A spreadsheet as it was read; `was_stored` says that the columns are those that were stored for its headers."""

    sheet_rows: int
    header_row: int
    digest: str
    columns: Columns
    was_stored: bool
    encoding: str | None
    separator: str | None
    missing: tuple[SheetColumn, ...]
    rows: tuple[SheetRow, ...] = ()
    sums: tuple[ColumnSum, ...] = ()
    totals: tuple[TotalCheck, ...] = ()
    statements: tuple[StatementMessage, ...] = ()

    @property
    def findings(self) -> tuple[StatementFinding, ...]:
        """What was noticed of the sheet as a whole."""
        return tuple(dict.fromkeys(finding for each in self.statements for finding in each.findings))

    @property
    def lines(self) -> tuple[StatementLine, ...]:
        """The lines that can be read."""
        return tuple(row.line for row in self.rows if row.kind is SheetRowKind.LINE and row.line is not None)

    def failures(self) -> list[Failure]:
        """The cells that cannot be read, by row and column; the first hundred."""
        found = (
            f"row {row.number}, column {each.header or each.position}: {each.message}"
            for row in self.rows
            for each in row.failures
        )
        return [Failure(ErrorCode.INVALID_INPUT, text, "documentId") for text in found][:FAILURES_MAX]


def read(content: bytes, given: Columns | None, stored: Mapping[str, Columns]) -> SheetReading:
    """The spreadsheet, by the given columns, by those that are stored for its headers, or by those that these propose.

    `stored` has the columns by the digest of their headers. INVALID_INPUT for a file without a row of names.
    """
    sheet = spreadsheets.opened(content)
    place = _header_place(sheet, given, stored)
    headers = headers_of(sheet.rows[place])
    digest = digest_of(headers)
    below = sheet.rows[place + 1 :]
    columns = given or stored.get(digest) or sheet_columns.propose(headers, below)
    found = SheetReading(
        len(sheet.rows),
        place + 1,
        digest,
        columns,
        given is None and digest in stored,
        sheet.encoding,
        sheet.separator,
        tuple(sheet_columns.missing(columns)),
    )
    return found if found.missing else _with_rows(found, sheet)


def _header_place(sheet: Sheet, given: Columns | None, stored: Mapping[str, Columns]) -> int:
    candidates = [headers_of(row) for row in sheet.rows[:HEADER_ROWS_MAX]]
    known = {digest_of([each.header for each in given])} if given else stored
    for place, headers in enumerate(candidates):
        if headers and digest_of(headers) in known:
            return place
    if given:
        raise refuse(ErrorCode.CONFLICT, "the file has other columns than these: read its columns again", "columns")
    best = max(range(len(candidates)), key=lambda place: sheet_columns.recognized(candidates[place]), default=0)
    if not candidates or sheet_columns.recognized(candidates[best]) < RECOGNIZED_MIN:
        message = f"none of the first {HEADER_ROWS_MAX} rows has names of columns: add a row such as Guia;Valor pago"
        raise refuse(ErrorCode.INVALID_INPUT, message, "documentId")
    return best


def _with_rows(found: SheetReading, sheet: Sheet) -> SheetReading:
    reader = RowReader(found.columns)
    rows = [*_above(sheet, found.header_row)]
    rows += [reader.read(number, sheet.rows[number - 1]) for number in range(found.header_row + 1, len(sheet.rows) + 1)]
    if len({row.statement for row in rows if row.line is not None}) > 1:
        rows = [_without_statement(row) for row in rows]
    lines = [row for row in rows if row.kind in _LINES and row.line is not None]
    taxes = [row.tax for row in rows if row.tax is not None]
    if not lines:
        raise refuse(ErrorCode.INVALID_INPUT, "the file has no lines below the names of its columns", "documentId")
    if len(lines) > DOCUMENT_LINES_MAX:
        message = f"the file has {len(lines)} lines, of which a call takes {DOCUMENT_LINES_MAX}: split it"
        raise refuse(ErrorCode.INVALID_INPUT, message, "documentId")
    totals = tuple(_totals(found.columns, rows, sheet))
    statements = tuple(_statements(reader, lines, totals, _content_number(sheet), taxes))
    return replace(
        found, rows=tuple(rows), sums=tuple(_sums(found.columns, lines, sheet)), totals=totals, statements=statements
    )


def _without_statement(row: SheetRow) -> SheetRow:
    """A tax of a file with several statements is refused: nobody can say of which it is."""
    if row.kind is not SheetRowKind.TAX:
        return row
    failure = CellFailure(0, "", "is a tax, and the file has several statements: import them one by one")
    return SheetRow(row.number, SheetRowKind.REFUSED, failures=(failure,))


def _above(sheet: Sheet, header_row: int) -> Iterator[SheetRow]:
    for number, cells in enumerate(sheet.rows[: header_row - 1], start=1):
        is_blank = all(cell in (None, "") for cell in cells)
        yield SheetRow(number, SheetRowKind.BLANK if is_blank else SheetRowKind.TITLE)
    yield SheetRow(header_row, SheetRowKind.HEADER)


def _content_number(sheet: Sheet) -> str:
    """A number for a statement that has none: equal for the same cells, whatever the file's name and encoding are."""
    cells = [["?" if isinstance(cell, Uncalculated) else text_of(cell) for cell in row] for row in sheet.rows]
    filled = [row for row in cells if any(row)]
    return f"P-{hashlib.sha256(orjson.dumps(filled)).hexdigest()[:16]}"


def _amount_columns(columns: Columns) -> list[MappedColumn]:
    return [each for each in columns if each.column in AMOUNTS]


def _sums(columns: Columns, lines: Sequence[SheetRow], sheet: Sheet) -> Iterator[ColumnSum]:
    for each in _amount_columns(columns):
        sums = {kind: Cents(0) for kind in _LINES}
        for row in lines:
            cents = sum_of(sheet.rows[row.number - 1], each)
            sums[row.kind] = Cents(sums[row.kind] + cents)
        column = each.column or SheetColumn.PAID_AMOUNT
        yield ColumnSum(each.position, each.header, column, sums[SheetRowKind.LINE], sums[SheetRowKind.REFUSED])


def _totals(columns: Columns, rows: Sequence[SheetRow], sheet: Sheet) -> Iterator[TotalCheck]:
    """Each amount of each row of totals, beside the sum since the last such row, or that of all rows above."""
    wanted = _amount_columns(columns)
    whole, part = dict.fromkeys(wanted, 0), dict.fromkeys(wanted, 0)
    withheld = 0
    for row in rows:
        cells = sheet.rows[row.number - 1]
        withheld += sum(map(abs, row.taxes)) + (row.tax.amount if row.tax else 0)
        if row.kind in _LINES:
            for each in wanted:
                cents = sum_of(cells, each)
                whole[each] += cents
                part[each] += cents
        elif row.kind is SheetRowKind.TOTAL:
            for each in wanted:
                stated = sum_of(cells, each)
                # A total of 0,00 says nothing: many payers leave it out like that.
                if stated:
                    net = whole[each] - withheld if each.column is SheetColumn.PAID_AMOUNT else whole[each]
                    nearer = min((part[each], whole[each], net), key=lambda above: abs(stated - above))
                    yield TotalCheck(row.number, each.header, stated, Cents(nearer))
            part = dict.fromkeys(wanted, 0)


def _statements(
    reader: RowReader,
    lines: Sequence[SheetRow],
    totals: Sequence[TotalCheck],
    own_number: str,
    below: Sequence[StatementAdjustment],
) -> Iterator[StatementMessage]:
    """One statement for each number and day of payment that the lines name."""
    groups: dict[tuple[str | None, date | None], list[SheetRow]] = {}
    for row in lines:
        groups.setdefault(row.statement, []).append(row)
    if len(groups) > STATEMENTS_MAX:
        message = f"the file has more than {STATEMENTS_MAX} statements: split it"
        raise refuse(ErrorCode.INVALID_INPUT, message, "documentId")
    noticed = tuple(_findings(totals))
    used: dict[str, int] = {}
    for (number, paid_on), rows in groups.items():
        named = number or own_number
        used[named] = used.get(named, 0) + 1
        name = named if used[named] == 1 else f"{named[:17]}-{used[named]}"
        yield _statement(name, paid_on, rows, (*_taxes(reader.taxes, rows), *below), noticed)


def _statement(
    number: str,
    paid_on: date | None,
    rows: Sequence[SheetRow],
    taxes: tuple[StatementAdjustment, ...],
    noticed: tuple[StatementFinding, ...],
) -> StatementMessage:
    lines = _with_repeats([line for row in rows if (line := waiting_line(row)) is not None])
    paid = sum(line.paid for line in lines if line.paid != UNREADABLE)
    return StatementMessage(
        payer=None,
        provider=None,
        statement_number=number,
        kind=StatementKind.ANALYSIS if paid_on is None else StatementKind.PAYMENT,
        issued_on=None,
        paid_on=paid_on,
        method=None,
        bank_reference=None,
        net=Cents(paid - sum(each.amount for each in taxes)) if taxes else None,
        lines=lines,
        adjustments=taxes,
        findings=noticed,
    )


def _taxes(columns: Sequence[MappedColumn], rows: Sequence[SheetRow]) -> Iterator[StatementAdjustment]:
    """What each column of a tax withholds in all; payers write it with or without a minus sign."""
    for place, column in enumerate(columns):
        withheld = abs(sum(row.taxes[place] for row in rows))
        if withheld:
            level = AdjustmentLevel.STATEMENT
            yield StatementAdjustment(
                AdjustmentDirection.DEBIT, level, column.tax_type, column.header[:100] or None, Cents(withheld)
            )


def _with_repeats(lines: Sequence[StatementLine]) -> tuple[StatementLine, ...]:
    """The lines; a whole claim, or a numbered item, that the sheet has twice is found the second time, and waits."""
    seen: set[tuple[object, ...]] = set()
    found: list[StatementLine] = []
    for line in lines:
        numbers = (
            *(line.provider_claim_number, line.payer_claim_number, line.protocol_number),
            *(line.authorization_number, line.batch_number),
        )
        is_item = line.item_sequence is not None
        if not is_item and line.item_code is not None:
            found.append(line)
            continue
        # What takes an earlier payment back is no repetition of the decision that follows it.
        identity = (*numbers, line.item_sequence, line.paid < 0 if is_item else line.paid)
        repeated = StatementFinding(StatementFindingKind.REPEATED_CLAIM)
        found.append(replace(line, findings=(*line.findings, repeated)) if identity in seen else line)
        seen.add(identity)
    return tuple(found)


def _findings(totals: Sequence[TotalCheck]) -> Iterator[StatementFinding]:
    wrong = [each for each in totals if each.stated != each.found][:FINDINGS_MAX]
    for each in wrong:
        text = f"{each.header} in row {each.row} is {format_money(each.stated)}, its rows add up to "
        yield StatementFinding(StatementFindingKind.TOTALS_DIFFER, f"{text}{format_money(each.found)}"[:200])
