"""What the child process answers about a payer's spreadsheet: a look at it, or its statements to import."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from app.domain.errors import Failure
from app.domain.money import Cents
from app.domain.sheet_rows import UNREADABLE, SheetRow, SheetRowKind
from app.domain.statement import StatementFinding, StatementLine
from app.tiss.packed import Packed
from app.tiss.read_statement import StatementMessage
from app.tiss.sheet_statements import Columns, SheetReading, read
from app.values.frozen import frozen


@frozen
class SheetStatement:
    """A statement of the spreadsheet; `paid` is of its lines that can be read."""

    statement_number: str | None
    paid_on: date | None
    line_count: int
    paid: Cents
    net: Cents | None


@frozen
class SheetLook:
    """A spreadsheet as it would be read: `reading` without its rows and statements, which are beside it, and what the
    readable lines say; `kinds` are those of all rows."""

    reading: SheetReading
    findings: tuple[StatementFinding, ...]
    statements: tuple[SheetStatement, ...]
    billed: Cents
    paid: Cents
    denied: Cents
    patient: Cents
    difference: Cents
    kinds: tuple[SheetRowKind, ...]
    rows: Packed[SheetRow]


@frozen
class SheetImport:
    """The statements of a spreadsheet, each without its lines, which are beside it, and why cells cannot be read."""

    was_stored: bool
    failures: tuple[Failure, ...]
    has_lines: bool
    statements: tuple[tuple[StatementMessage, Packed[StatementLine]], ...]


def look(content: bytes, given: Columns | None, stored: Mapping[str, Columns]) -> SheetLook:
    """How the spreadsheet would be read; errors as `read`."""
    found = read(content, given, stored)
    lines = found.lines
    readable = (row for row in found.rows if row.kind is SheetRowKind.LINE)
    return SheetLook(
        replace(found, rows=(), statements=()),
        found.findings,
        tuple(map(_summary, found.statements)),
        billed=Cents(sum(line.billed or 0 for line in lines)),
        paid=Cents(sum(line.paid for line in lines)),
        denied=Cents(sum(denial.amount for line in lines for denial in line.denials)),
        patient=Cents(sum(line.patient for line in lines)),
        difference=Cents(sum(row.difference or 0 for row in readable)),
        kinds=tuple(row.kind for row in found.rows),
        rows=Packed.of(found.rows),
    )


def _summary(statement: StatementMessage) -> SheetStatement:
    paid = Cents(sum(line.paid for line in statement.lines if line.paid != UNREADABLE))
    return SheetStatement(statement.statement_number, statement.paid_on, len(statement.lines), paid, statement.net)


def to_import(content: bytes, given: Columns | None, stored: Mapping[str, Columns]) -> SheetImport:
    """The statements of the spreadsheet; errors as `read`."""
    found = read(content, given, stored)
    statements = tuple((replace(each, lines=()), Packed.of(each.lines)) for each in found.statements)
    return SheetImport(found.was_stored, tuple(found.failures()), bool(found.lines), statements)
