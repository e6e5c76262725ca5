"""Cells of a payer's spreadsheet as amounts, days, numbers and codes; what cannot be read is refused, never guessed."""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from app.domain import tabela38
from app.domain.described import DescribedEnum
from app.domain.money import CENTS_MAX, QUANTITY_ONE, Cents, Quantity
from app.values.frozen import frozen


@frozen
class Uncalculated:
    """A formula whose result is not in the file."""


Cell = str | Decimal | date | Uncalculated | None
"""A text without spaces around it, a number of a workbook, a day, or nothing."""


class Reading(DescribedEnum):
    """How the cells of a column are read."""

    TEXT = "TEXT", "As they are written."
    DECIMAL_COMMA = "DECIMAL_COMMA", "Numbers such as 1.234,56."
    DECIMAL_POINT = "DECIMAL_POINT", "Numbers such as 1,234.56."
    DAY = "DAY", "Days: 02/11/2026, 2026-11-02, days of a workbook, or their number as spreadsheets count."
    CODES = "CODES", "One code or several, also with their amounts, such as 1705: 30,00; 1801: 5,00."


class Unreadable(Exception):
    """A cell that is not what its column says; the text says what to do."""


_SPACES: Final = re.compile(r"[\s\u00a0]+")
_SIGNED: Final = re.compile(r"(?:R\$)?([-+(]?)(?:R\$)?([0-9.,]+)([-)]?)")
_COMMA: Final = re.compile(r"(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]{1,12})(?:,[0-9]{1,4})?")
_POINT: Final = re.compile(r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,12})(?:\.[0-9]{1,4})?")
_EXPONENT: Final = re.compile(r"[0-9](?:[.,][0-9]+)?E\+?[0-9]{1,2}", re.IGNORECASE)
_EMPTY: Final = ("", "-", "--", "\u2013", "\u2014")
_DAY_FIRST: Final = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})(?:[ T].*)?")
_YEAR_FIRST: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T].*)?")
_EPOCH: Final = date(1899, 12, 30)
_SERIALS: Final = range(20_000, 80_000)
"""Days from 1954 to 2119, as spreadsheets count them."""
_DIGITS_MAX: Final = 15
"""Of a number in a workbook: the others are zeros, whatever they were."""
_CODE: Final = re.compile(r"(?<![0-9.,])[0-9]{4}(?![0-9.,]?[0-9])")
_CODE_AND_AMOUNT: Final = re.compile(r"(?<![0-9.,])([0-9]{4})\s*[:=]\s*(?:R\$\s*)?([0-9][0-9.,]*[0-9]|[0-9])")
_TOLERANCE: Final = Decimal("0.000001")
"""How far a number of a workbook may be from the decimal that it stands for, which binary numbers only come near."""


def text_of(cell: Cell) -> str:
    """The cell as text: a whole number by its digits, a day as YYYY-MM-DD."""
    if cell is None:
        return ""
    if isinstance(cell, Uncalculated):
        raise Unreadable("has a formula without its result: open the file in a spreadsheet and save it again")
    if isinstance(cell, Decimal):
        return str(int(cell)) if cell == cell.to_integral_value() else str(cell)
    return cell.isoformat() if isinstance(cell, date) else cell


def number_text(cell: Cell) -> str | None:
    """A number that names something, such as a claim; None for an empty cell."""
    text = text_of(cell).removeprefix("'").strip()
    is_rounded = isinstance(cell, Decimal) and len(text.lstrip("-")) > _DIGITS_MAX
    if is_rounded or _EXPONENT.fullmatch(text):
        raise Unreadable("has lost digits in a spreadsheet: ask for the file with this column as text")
    return None if text in _EMPTY else text


def amount(cell: Cell, reading: Reading) -> Cents | None:
    """Cents, negative with a minus sign or in parentheses; None for an empty cell."""
    value = _decimal(cell, reading)
    if value is None:
        return None
    rounded = _near(value, 2)
    if rounded is None:
        raise Unreadable("has more than two decimals")
    if abs(rounded) > CENTS_MAX:
        raise Unreadable("is above 99999999.99")
    return Cents(rounded)


def quantity(cell: Cell, reading: Reading) -> Quantity | None:
    """Ten-thousandths; None for an empty cell."""
    value = _decimal(cell, reading)
    if value is None:
        return None
    rounded = _near(value, 4)
    if rounded is None or not 0 <= rounded < 100_000 * QUANTITY_ONE:
        raise Unreadable("is no quantity")
    return Quantity(rounded)


def _decimal(cell: Cell, reading: Reading) -> Decimal | None:
    if isinstance(cell, Decimal):
        return cell
    if isinstance(cell, date):
        raise Unreadable("is a day, not a number")
    text = _SPACES.sub("", text_of(cell))
    if text in _EMPTY:
        return None
    parts = _SIGNED.fullmatch(text)
    sign, digits = (parts[1] + parts[3], parts[2]) if parts else ("", "")
    is_negative = sign in ("-", "()")
    digits = digits if is_negative or sign in ("", "+") else ""
    if reading is Reading.DECIMAL_POINT and _POINT.fullmatch(digits):
        found = Decimal(digits.replace(",", ""))
    elif reading is Reading.DECIMAL_COMMA and _COMMA.fullmatch(digits):
        found = Decimal(digits.replace(".", "").replace(",", "."))
    else:
        mark = "point" if reading is Reading.DECIMAL_POINT else "comma"
        raise Unreadable(f"is no number with a decimal {mark}")
    return -found if is_negative else found


def _near(value: Decimal, digits: int) -> int | None:
    """The value in units of its last digit; None if it has more digits than that."""
    exact = value.scaleb(digits)
    rounded = exact.to_integral_value(ROUND_HALF_UP)
    return int(rounded) if abs(exact - rounded) <= _TOLERANCE.scaleb(digits) else None


def day(cell: Cell) -> date | None:
    """The day, of whatever form; None for an empty cell."""
    if isinstance(cell, date):
        return cell
    text = text_of(cell)
    if text in _EMPTY:
        return None
    try:
        if found := _DAY_FIRST.fullmatch(text):
            return date(int(found[3]), int(found[2]), int(found[1]))
        if _YEAR_FIRST.fullmatch(text):
            return datetime.fromisoformat(text[:10]).date()
        if text.isdecimal() and int(text) in _SERIALS:
            return _EPOCH + timedelta(days=int(text))
    except ValueError:
        pass
    raise Unreadable("is no day: use dd/mm/yyyy or yyyy-mm-dd")


def codes(cell: Cell) -> list[str]:
    """The codes of Tabela 38 in the cell, also out of a sentence; what else it says if there is none of four digits."""
    text = text_of(cell)
    if text in _EMPTY:
        return []
    found = _CODE.findall(text)
    known = [code for code in found if tabela38.description(code) is not None]
    return list(dict.fromkeys(known or found)) or [text.split()[0].strip(";:,.-")]


def codes_with_amounts(cell: Cell, reading: Reading) -> list[tuple[str, Cents]]:
    """The codes and their amounts in a cell such as `1705: 30,00; 1801: 5,00`; empty if it has none."""
    found = _CODE_AND_AMOUNT.findall(text_of(cell))
    return [(code, amount(text, reading) or Cents(0)) for code, text in found]


def amounts(cell: Cell, reading: Reading) -> list[Cents]:
    """The amounts in the cell: several with a semicolon, a slash, a bar or a line break between them."""
    if not isinstance(cell, str):
        found = amount(cell, reading)
        return [] if found is None else [found]
    each = (amount(part.strip(), reading) for part in re.split(r"[;/|\n]", cell))
    return [found for found in each if found is not None]


def mark_of(cells: Iterable[Cell]) -> Reading | None:
    """How the amounts of these cells are written; None if they do not show it."""
    found = {Reading.DECIMAL_COMMA: 0, Reading.DECIMAL_POINT: 0}
    for cell in cells:
        for text in re.split(r"[;/|\n]", cell) if isinstance(cell, str) else ():
            reading = _mark(_SPACES.sub("", text).strip("()-+"))
            if reading is not None:
                found[reading] += 1
    best = max(found, key=lambda each: found[each])
    return best if found[best] else None


def _mark(text: str) -> Reading | None:
    if re.search(r",[0-9]{1,2}$", text):
        return Reading.DECIMAL_COMMA
    if re.search(r"\.[0-9]{1,2}$", text):
        return Reading.DECIMAL_POINT
    # Amounts have no three decimals: these are thousands.
    if re.search(r"[0-9]\.[0-9]{3}$", text):
        return Reading.DECIMAL_COMMA
    return Reading.DECIMAL_POINT if re.search(r"[0-9],[0-9]{3}$", text) else None
