"""Statements of bank accounts as files: OFX 1.x (SGML) and 2.x (XML), and CNAB 240 with segment E.

Both are read by a table of fields. What OFX calls a tag is read the same in SGML and XML: a name, and the text up to
the next one; nothing is expanded but the five characters that XML escapes, so no entity can cost anything.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Final
from xml.sax.saxutils import unescape  # nosec B406 - replaces three escapes in a text, and parses nothing

from app.domain.bank import (
    ACCOUNT_LENGTH_MAX,
    DESCRIPTION_LENGTH_MAX,
    DOCUMENT_LENGTH_MAX,
    BankDirection,
    BankLine,
    BankSource,
)
from app.domain.errors import BillingError, ErrorCode, refuse
from app.domain.money import Cents
from app.values.frozen import frozen

_TAG: Final = re.compile(r"<(/?)([A-Za-z0-9_.]{1,40})>([^<]*)")
_AMOUNT: Final = re.compile(
    r"([+-]?)(\d{1,12}|\d{1,3}(?:\.\d{3}){1,3}(?=,)|\d{1,3}(?:,\d{3}){1,3}(?=\.)|\d{1,3}(?:(?:\.\d{3}){2,3}|(?:,\d{3}){2,3})(?![.,]))"
    r"(?:[.,](\d{2}0{2,}|\d{1,2}))?",
    re.ASCII,
)
# `1.234` may be either, so it is neither; `1.234,50`, `1.234.567` and `100.0000` are plain.
_WIDTH: Final = 240
_CONCILIATION: Final = "04"
"""The service code of a lot with a statement of the account."""


@frozen
class BankFile:
    """The entries of a file, in its order."""

    source: BankSource
    lines: tuple[BankLine, ...]


@frozen
class Field:
    """A field of a CNAB record: its first and last position, counted from 1."""

    first: int
    last: int

    def of(self, record: str) -> str:
        """Its text, without the padding."""
        return record[self.first - 1 : self.last].strip()


KIND: Final = Field(8, 8)
SERVICE: Final = Field(10, 11)
RECORDS: Final = Field(24, 29)
SEGMENT: Final = Field(14, 14)
BANK: Final = Field(1, 3)
BRANCH: Final = Field(53, 57)
ACCOUNT: Final = Field(59, 71)
BOOKED_ON: Final = Field(143, 150)
AMOUNT: Final = Field(151, 168)
DIRECTION: Final = Field(169, 169)
HISTORY: Final = Field(177, 201)
DOCUMENT: Final = Field(202, 240)
DEBITS: Final = Field(177, 194)
CREDITS: Final = Field(195, 212)
"""Of the last record of a lot: the sums of its entries."""


def read(content: bytes) -> BankFile:
    """The entries of a file, INVALID_INPUT with a sentence for one that cannot be read."""
    text = _decoded(content)
    start = text.lstrip("\ufeff \r\n\t")[:2_000].upper()
    if start.startswith(("OFXHEADER", "<?OFX", "<OFX", "<?XML")) and "<OFX>" in text.upper():
        if "</OFX>" not in text.upper():
            raise _refusal("the file is cut off: it does not end with </OFX>, export it from the bank again")
        return BankFile(BankSource.OFX, tuple(_ofx(text)))
    records = [line for line in text.splitlines() if line.strip()]
    if records and len(records[0]) == _WIDTH and KIND.of(records[0]) == "0":
        return BankFile(BankSource.CNAB240, tuple(_cnab(records)))
    raise _refusal("the file is neither OFX nor CNAB 240: export it from the bank again")


def _decoded(content: bytes) -> str:
    """Banks state encodings that they do not use: UTF-8 if it is, else Windows-1252."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _refusal(message: str) -> BillingError:
    return refuse(ErrorCode.INVALID_INPUT, message, "content")


def _ofx(text: str) -> Iterator[BankLine]:
    account: dict[str, str] = {}
    entry: dict[str, str] | None = None
    number = 0
    for is_end, name, value in ((end == "/", name.upper(), rest) for end, name, rest in _TAG.findall(text)):
        if name == "STMTTRN":
            if entry:
                number += 1
                yield from _entry(entry, account, number)
            entry = None if is_end else {}
        elif not is_end and entry is not None:
            entry.setdefault(name, _plain(value))
        elif not is_end and name in ("BANKID", "BRANCHID", "ACCTID"):
            # A file may have several accounts, one after the other.
            account = {} if name == "BANKID" else account
            account[name] = _plain(value)


def _plain(value: str) -> str:
    return " ".join(unescape(value, {"&quot;": '"', "&apos;": "'"}).split())


def _entry(entry: Mapping[str, str], account: Mapping[str, str], number: int) -> Iterator[BankLine]:
    amount = _cents(entry.get("TRNAMT", ""))
    booked_on = _day(entry.get("DTPOSTED", "")[:8], "%Y%m%d")
    if amount is None or booked_on is None:
        raise _refusal(f"entry {number} has no amount or no day that can be read")
    if amount:
        name = " ".join(filter(None, (entry.get("NAME"), entry.get("MEMO"))))
        document = entry.get("REFNUM") or entry.get("CHECKNUM") or entry.get("FITID") or ""
        parts = (account.get(each, "").lstrip("0") for each in ("BANKID", "BRANCHID", "ACCTID"))
        yield _line("/".join(filter(None, parts)), booked_on, amount, document, name)


def _line(account: str, booked_on: date, cents: int, document: str, description: str) -> BankLine:
    return BankLine(
        booked_on,
        BankDirection.CREDIT if cents > 0 else BankDirection.DEBIT,
        Cents(abs(cents)),
        _printable(account)[:ACCOUNT_LENGTH_MAX],
        _printable(document)[:DOCUMENT_LENGTH_MAX],
        _printable(description)[:DESCRIPTION_LENGTH_MAX],
    )


def _printable(text: str) -> str:
    return "".join(char for char in text if char.isprintable()).strip()


def _cents(text: str) -> int | None:
    """Cents of "93.85", "93,85", "-1.234,56" and "1,234.56"; None for anything else."""
    found = _AMOUNT.fullmatch(text.replace(" ", ""))
    if found is None:
        return None
    sign, whole, fraction = found.groups()
    cents = int(re.sub("[.,]", "", whole) + (fraction or "")[:2].ljust(2, "0"))
    return -cents if sign == "-" else cents


def _day(text: str, form: str) -> date | None:
    try:
        return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day, without a time
    except ValueError:
        return None


def _cnab(records: list[str]) -> Iterator[BankLine]:
    last = records[-1]
    if KIND.of(last) != "9" or not RECORDS.of(last).isdecimal() or int(RECORDS.of(last)) != len(records):
        raise _refusal("the file is cut off: its last record does not count the records before it")
    is_statement, of_lot = False, list[BankLine]()
    for number, record in enumerate(records, start=1):
        if KIND.of(record) == "1":
            is_statement, of_lot = SERVICE.of(record) == _CONCILIATION, []
        if is_statement and KIND.of(record) == "3" and SEGMENT.of(record) == "E":
            of_lot.append(_segment(record, number))
            yield of_lot[-1]
        if is_statement and KIND.of(record) == "5":
            _check_sums(record, number, of_lot)


def _check_sums(record: str, number: int, lines: Sequence[BankLine]) -> None:
    """The last record of a lot says what its debits and its credits add up to; many banks leave both at zero."""
    texts = [each.of(record) for each in (DEBITS, CREDITS)]
    stated = [int(text) if text.isdecimal() else 0 for text in texts]
    sides = (BankDirection.DEBIT, BankDirection.CREDIT)
    found = [sum(line.amount for line in lines if line.direction is side) for side in sides]
    if any(stated) and stated != found:
        message = f"record {number} says other sums than those of its entries: export the file from the bank again"
        raise _refusal(message)


def _segment(record: str, number: int) -> BankLine:
    booked_on, amount, direction = _day(BOOKED_ON.of(record), "%d%m%Y"), AMOUNT.of(record), DIRECTION.of(record)
    if booked_on is None or not amount.isdecimal() or direction not in ("C", "D"):
        raise _refusal(f"record {number} has no amount or no day that can be read")
    account = "/".join(each.of(record).lstrip("0") for each in (BANK, BRANCH, ACCOUNT))
    cents = int(amount) * (1 if direction == "C" else -1)
    return _line(account, booked_on, cents, DOCUMENT.of(record), HISTORY.of(record))
