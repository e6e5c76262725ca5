"""Rows of a payer's spreadsheet as lines of a statement, by a mapping: every row is a line, is refused, or has a reason
why it is none, and every amount is in one of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

from app.domain.claims import DeniedAmount
from app.domain.described import DescribedEnum
from app.domain.money import CENTS_MAX, Cents
from app.domain.sheet_cells import (
    Cell,
    Reading,
    Unreadable,
    amount,
    amounts,
    codes,
    codes_with_amounts,
    day,
    number_text,
    quantity,
    text_of,
)
from app.domain.sheet_columns import (
    AMOUNTS,
    NAMES,
    NUMBERS,
    MappedColumn,
    Mapping,
    SheetColumn,
    digest_of,
    headers_of,
    tax_of_row,
)
from app.domain.statement import (
    AdjustmentDirection,
    AdjustmentLevel,
    StatementAdjustment,
    StatementFinding,
    StatementFindingKind,
    StatementLine,
)
from app.domain.text import fold
from app.values.frozen import frozen

UNREADABLE: Final = Cents(CENTS_MAX + 1)
"""In place of an amount that cannot be read: no statement may have it, so that its line is found."""

_TOTALS: Final = (
    *("total", "totais", "subtotal", "sub-total", "sub total", "soma"),
    *("liquido", "valor liquido", "valor total", "valor a receber"),
)


class SheetRowKind(DescribedEnum):
    """What a row of a spreadsheet is."""

    LINE = "LINE", "A line of the statement."
    REFUSED = "REFUSED", "A line that cannot be read; the failures say which of its cells, and why."
    TAX = "TAX", "A withheld tax below the lines, such as `IRRF` and its amount: of the whole statement, and no line."
    TOTAL = "TOTAL", "A total of rows above it: compared with them, and no line."
    HEADER = "HEADER", "The names of the columns, also where they are repeated."
    TITLE = "TITLE", "Text above the names of the columns."
    BLANK = "BLANK", "Empty."
    NOTE = "NOTE", "Text without the number of a claim and without amounts."


@frozen
class CellFailure:
    """A cell that cannot be read: the place of its column from 1 (0 for the whole row), the header, and what to do."""

    position: int
    header: str
    message: str


@frozen
class SheetRow:
    """A row by its number in the sheet, from 1; `statement` is the number and day of the statement that it names."""

    number: int
    kind: SheetRowKind
    line: StatementLine | None = None
    failures: tuple[CellFailure, ...] = ()
    taxes: tuple[Cents, ...] = ()
    statement: tuple[str | None, date | None] = (None, None)
    tax: StatementAdjustment | None = None

    @property
    def difference(self) -> Cents | None:
        """What was billed above what is paid and denied; None unless the row says all of it."""
        line = self.line
        if line is None or line.billed is None or UNREADABLE in (line.paid, line.billed):
            return None
        return Cents(line.billed - line.paid - sum(denial.amount for denial in line.denials) - line.patient)


class RowReader:
    """Reads the rows below the header of one sheet."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._digest = digest_of([each.header for each in mapping])
        self._columns = [each for each in mapping if each.column is not None]
        self.taxes = tuple(each for each in self._columns if each.column is SheetColumn.TAX_AMOUNT)

    def read(self, number: int, cells: Sequence[Cell]) -> SheetRow:
        """The row with this number."""
        if all(cell in (None, "") for cell in cells):
            return SheetRow(number, SheetRowKind.BLANK)
        if digest_of(headers_of(cells)) == self._digest:
            return SheetRow(number, SheetRowKind.HEADER)
        return self._tax(number, cells) or self._line(number, cells)

    def _line(self, number: int, cells: Sequence[Cell]) -> SheetRow:
        has_amount, filled = self._has_amount(cells), sum(cell not in (None, "") for cell in cells)
        if not self._has_number(cells):
            if _is_total(cells):
                return SheetRow(number, SheetRowKind.TOTAL)
            if not has_amount:
                return SheetRow(number, SheetRowKind.NOTE)
        if filled == 1 and not has_amount:
            # Such as `Emitido em 20/11/2026` in the column of claims.
            return SheetRow(number, SheetRowKind.NOTE)
        return _Row(self._columns, cells).as_line(number)

    def _tax(self, number: int, cells: Sequence[Cell]) -> SheetRow | None:
        """The row if it is a tax of the whole statement: its name in the first cell, and one amount."""
        filled = [place for place, cell in enumerate(cells) if cell not in (None, "")]
        label = cells[filled[0]] if filled else None
        type_ = tax_of_row(label) if isinstance(label, str) else None
        if type_ is None or not isinstance(label, str) or self._has_other_number(cells, filled[0]):
            return None
        found = self._amounts(cells, filled[1:])
        if len(found) != 1:
            failure = CellFailure(0, "", "names a tax: write its amount once, in the column of paid amounts")
            return SheetRow(number, SheetRowKind.REFUSED, failures=(failure,))
        cents = Cents(abs(found.pop()))
        level = AdjustmentLevel.STATEMENT
        tax = StatementAdjustment(AdjustmentDirection.DEBIT, level, type_, label[:100], cents) if cents else None
        return SheetRow(number, SheetRowKind.TAX, tax=tax)

    def _has_other_number(self, cells: Sequence[Cell], label: int) -> bool:
        others = (each for each in self._columns if each.column in (*NUMBERS, SheetColumn.ITEM_CODE))
        return any(
            tax_of_row(str(cell)) is None and any(map(str.isdecimal, str(cell)))
            for each in others
            if each.position - 1 != label and (cell := _cell(cells, each)) not in (None, "")
        )

    def _amounts(self, cells: Sequence[Cell], places: Sequence[int]) -> set[Cents]:
        """The amounts in these cells: those below columns of amounts or, if there are none, all that can be read."""
        readings = {each.position - 1: each.reading for each in self._columns if each.column in AMOUNTS}
        common = next(iter(readings.values()), Reading.DECIMAL_COMMA)
        for wanted in (readings.keys() & set(places), places):
            found: set[Cents] = set()
            for place in wanted:
                try:
                    found.update(amounts(cells[place], readings.get(place, common)))
                except Unreadable:
                    continue
            if found:
                return found
        return set()

    def _has_number(self, cells: Sequence[Cell]) -> bool:
        found = (_cell(cells, each) for each in self._columns if each.column in NUMBERS)
        return any(cell not in (None, "") and not _is_total([cell]) for cell in found)

    def _has_amount(self, cells: Sequence[Cell]) -> bool:
        return any(_cell(cells, each) not in (None, "") for each in self._columns if each.column in AMOUNTS)


class _Row:
    """The cells of a row, and what could not be read of them."""

    def __init__(self, columns: Sequence[MappedColumn], cells: Sequence[Cell]) -> None:
        self._columns = columns
        self._cells = cells
        self._failures: list[CellFailure] = []

    def as_line(self, number: int) -> SheetRow:
        denied = self._denials()
        patient = self._patient()
        billed, processed = self._amount(SheetColumn.BILLED_AMOUNT), self._amount(SheetColumn.PROCESSED_AMOUNT)
        denials = self._with_amounts(denied, billed, patient)
        numbers = [self._value(each, number_text) for each in NAMES]
        provider_number, payer_number, protocol, authorization, batch = numbers
        line = StatementLine(
            provider_claim_number=provider_number,
            payer_claim_number=payer_number,
            item_sequence=self._value(SheetColumn.ITEM_SEQUENCE, _sequence),
            item_code=self._value(SheetColumn.ITEM_CODE, _item_code),
            paid=self._paid(billed, denials, patient),
            denials=denials,
            patient=patient,
            billed=billed,
            processed=processed,
            quantity=self._numeric(SheetColumn.QUANTITY, quantity),
            performed_on=self._value(SheetColumn.PERFORMED_ON, day),
            card_number=self._value(SheetColumn.CARD_NUMBER, number_text),
            protocol_number=protocol,
            code_system=self._value(SheetColumn.CODE_SYSTEM, _code_system),
            description=self._value(SheetColumn.DESCRIPTION, text_of) or None,
            authorization_number=None if provider_number or payer_number else authorization,
            batch_number=None if any(numbers[:4]) else batch,
        )
        named = (self._value(SheetColumn.STATEMENT_NUMBER, number_text), self._value(SheetColumn.PAID_ON, day))
        taxes = tuple(self._read(each, amount) or Cents(0) for each in self._all(SheetColumn.TAX_AMOUNT))
        if not any(numbers):
            self._fail_empty(NAMES, "is empty: a line needs the number of its claim")
        kind = SheetRowKind.REFUSED if self._failures else SheetRowKind.LINE
        return SheetRow(number, kind, line, tuple(self._failures), taxes, named)

    def _paid(self, billed: Cents | None, denials: Sequence[DeniedAmount], patient: Cents) -> Cents:
        paid: Cents | None = self._amount(SheetColumn.PAID_AMOUNT)
        if paid is not None:
            return paid
        if billed and billed == sum(denial.amount for denial in denials) + patient:
            return Cents(0)
        self._fail_empty([SheetColumn.PAID_AMOUNT], "is empty: a line needs its paid amount, 0,00 too")
        return UNREADABLE

    def _patient(self) -> Cents:
        """What the patient owes; some payers write it below zero, as what they subtract."""
        return Cents(abs(self._amount(SheetColumn.PATIENT_AMOUNT) or 0))

    def _denials(self) -> list[tuple[str, Cents | None]]:
        """Codes and amounts; the n-th column of reasons belongs to the n-th column of amounts."""
        found: list[tuple[str, Cents | None]] = []
        reasons = self._all(SheetColumn.DENIAL_CODE)
        columns = self._all(SheetColumn.DENIED_AMOUNT)
        for each in (column for column in columns if column.denial_code is not None):
            cents = self._read(each, amount)
            found += [(each.denial_code or "", cents)] if cents else []
        open_columns: list[MappedColumn | None] = [each for each in columns if each.denial_code is None]
        pairs = max(len(reasons), len(open_columns))
        for place in range(pairs):
            reason = reasons[place] if place < len(reasons) else None
            column = open_columns[place] if place < len(open_columns) else None
            found += self._pair(reason, column)
        return found

    def _pair(self, reason: MappedColumn | None, column: MappedColumn | None) -> list[tuple[str, Cents | None]]:
        named: list[str] = [] if reason is None else self._read(reason, lambda cell, _: codes(cell)) or []
        if column is None:
            return self._in_one_cell(reason, named)
        denied = [each for each in self._read(column, amounts) or [] if each]
        if len(denied) > 1 and len(denied) != len(named):
            self._fail(column, f"has {len(denied)} amounts for {len(named)} reasons")
            return []
        if len(denied) == len(named):
            return list(zip(named, denied, strict=True))
        # One amount with several reasons has the first of them, as in documents of the standard.
        return [((named or [""])[0], denied[0])] if denied else []

    def _in_one_cell(self, reason: MappedColumn | None, named: list[str]) -> list[tuple[str, Cents | None]]:
        """Reasons with their amounts, or one whose amount is what is missing of the billed amount."""
        if reason is None or not named:
            return []
        marked = next((each.reading for each in self._columns if each.column in AMOUNTS), Reading.DECIMAL_COMMA)
        both = self._read(reason, lambda cell, _: codes_with_amounts(cell, marked)) or []
        return [*both] if both else [(named[0], None)]

    def _with_amounts(
        self, denied: Sequence[tuple[str, Cents | None]], billed: Cents | None, patient: Cents
    ) -> tuple[DeniedAmount, ...]:
        has_items = any(self._cell_of(each) for each in (SheetColumn.ITEM_CODE, SheetColumn.ITEM_SEQUENCE))
        rest = self._rest(billed, sum(cents or 0 for _, cents in denied) + patient)
        found = [(code, rest if cents is None else cents) for code, cents in denied]
        # A row of a whole claim may leave the reasons to the analysis; an item without one waits for a person.
        return tuple(DeniedAmount(code, cents) for code, cents in found if cents and (code or has_items))

    def _rest(self, billed: Cents | None, explained: int) -> Cents:
        try:
            column = self._any([SheetColumn.PAID_AMOUNT])
            paid = amount(_cell(self._cells, column), column.reading)
        except Unreadable:
            return Cents(0)
        return Cents(max((billed or 0) - (paid or 0) - explained, 0))

    def _all(self, wanted: SheetColumn) -> list[MappedColumn]:
        return [each for each in self._columns if each.column is wanted]

    def _any(self, wanted: Iterable[SheetColumn]) -> MappedColumn:
        return next((each for each in self._columns if each.column in tuple(wanted)), MappedColumn(0, ""))

    def _cell_of(self, wanted: SheetColumn) -> Cell:
        return next((_cell(self._cells, each) for each in self._all(wanted)), None)

    def _amount(self, wanted: SheetColumn) -> Cents | None:
        found: Cents | None = self._numeric(wanted, amount)
        return found

    def _numeric(self, wanted: SheetColumn, read: Callable[[Cell, Reading], Any]) -> Any:
        return next((self._read(each, read) for each in self._all(wanted)), None)

    def _value(self, wanted: SheetColumn, read: Callable[[Cell], Any]) -> Any:
        return next((self._read(each, lambda cell, _: read(cell)) for each in self._all(wanted)), None)

    def _read(self, column: MappedColumn, read: Callable[[Cell, Reading], Any]) -> Any:
        try:
            return read(_cell(self._cells, column), column.reading)
        except Unreadable as error:
            self._fail(column, str(error))
            return None

    def _fail_empty(self, wanted: Sequence[SheetColumn], message: str) -> None:
        """Unless a cell of these columns could not be read, which says more."""
        positions = {each.position for each in self._columns if each.column in wanted}
        if positions.isdisjoint(failure.position for failure in self._failures):
            self._fail(self._any(wanted), message)

    def _fail(self, column: MappedColumn, message: str) -> None:
        failure = CellFailure(column.position, column.header, message)
        if failure not in self._failures:
            self._failures.append(failure)


def waiting_line(row: SheetRow) -> StatementLine | None:
    """The line of a row as it is imported: one that is refused waits for a person, who finds it by its row."""
    line = row.line
    if line is None or not row.failures:
        return line
    named = [f"row {row.number}, {each.header}"[:100] for each in row.failures]
    found = tuple(StatementFinding(StatementFindingKind.INVALID_VALUE, text) for text in named)
    return replace(line, findings=(*line.findings, *found))


def sum_of(cells: Sequence[Cell], column: MappedColumn) -> Cents:
    """What the row adds to the sum of this column of amounts; nothing where it cannot be read."""
    try:
        return Cents(sum(amounts(_cell(cells, column), column.reading)))
    except Unreadable:
        return Cents(0)


def _cell(cells: Sequence[Cell], column: MappedColumn) -> Cell:
    return cells[column.position - 1] if 0 < column.position <= len(cells) else None


def _is_total(cells: Iterable[Cell]) -> bool:
    """Whether a cell says that the row is a total, such as `TOTAL GERAL:` or `Subtotal da guia`."""
    texts = (fold(cell) for cell in cells if isinstance(cell, str))
    return any(text.startswith(_TOTALS) for text in texts)


def _sequence(cell: Cell) -> int | None:
    text = number_text(cell)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 9_999):
        raise Unreadable("is no number of an item: 1 to 9999")
    return int(text)


def _item_code(cell: Cell) -> str | None:
    text = number_text(cell)
    if text is None:
        return None
    plain = "".join(char for char in text if char.isalnum())
    # `1.01.01.012 - Consulta` begins with its code.
    first = "".join(char for char in text.split()[0] if char.isalnum())
    found = plain if len(plain) <= 10 else first
    if not (1 <= len(found) <= 10 and found.isascii()):
        raise Unreadable("is no code of an item: 1 to 10 letters or digits")
    return found


def _code_system(cell: Cell) -> str | None:
    text = number_text(cell)
    digits = (text or "").split("-")[0].strip()
    return digits.zfill(2) if digits.isdecimal() and len(digits) <= 2 else None
