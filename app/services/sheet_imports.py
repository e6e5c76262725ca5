"""Importing a payer's spreadsheet: read by a mapping, which is remembered, and then imported as any statement."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from app.db import batches as batches_db
from app.db import statement_mappings as mappings_db
from app.domain.errors import ErrorCode, Failure, raise_any, refuse
from app.domain.remittances import RemittanceSource
from app.domain.settlements import PaymentMethod
from app.domain.sheet_columns import Mapping, mapping_failures
from app.domain.statement import Statement, StatementFinding, StatementFindingKind, StatementLine
from app.services import documents, parties, statement_documents, statement_mappings, statements
from app.services.statements import Imported
from app.tiss import sheet_answers
from app.tiss.sheet_answers import SheetImport
from app.tiss.spreadsheets import BYTES_MAX
from app.unit_of_work.action import Action
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

SECONDS_MAX: Final = 20
"""A workbook of 5,000 lines with formulas takes a few seconds, of the child process."""
BATCH_DIGITS_MAX: Final = 9
UNKNOWN_BATCH: Final = StatementFinding(StatementFindingKind.INVALID_VALUE, "numeroLote")
TOO_LARGE: Final = Failure(
    ErrorCode.INVALID_INPUT, f"a spreadsheet has at most {BYTES_MAX // (1024 * 1024)} MiB: send several", "documentId"
)


@frozen
class SheetForm:
    """An uploaded spreadsheet, how its columns are read (None: as it was stored), and what it does not say itself."""

    payer: str
    provider: str
    document_id: str
    columns: Mapping | None = None
    statement_number: str = ""
    paid_on: date | None = None
    method: PaymentMethod = PaymentMethod.BANK_TRANSFER
    bank_reference: str | None = None
    accepts_refused_rows: bool = False


async def import_sheet(unit: UnitOfWork, *, form: SheetForm) -> Imported:
    """Store the statements of a spreadsheet and, once they are accepted, how its columns are read.

    INVALID_INPUT with the row and the column of every cell that cannot be read, unless the caller accepts that such
    rows become lines that wait for a person.
    """
    raise_any([] if form.columns is None else mapping_failures(form.columns))
    await parties.check(unit.connection, unit.scope, provider=form.provider, payer=form.payer)
    found = await _read(unit, form)
    # A file without a line that can be read is no statement: its rows would say nothing.
    if not (form.accepts_refused_rows and found.has_lines):
        raise_any(found.failures)
    if form.columns is not None:
        await statement_mappings.stored(unit, form.provider, form.payer, form.columns)
    messages = [
        replace(message, lines=tuple(await _of_batches(unit, form, await lines.all())))
        for message, lines in found.statements
    ]
    return await statements.import_statements(
        unit,
        statements=statement_documents.headed(_typed(form), messages),
        source=RemittanceSource.SPREADSHEET,
    )


async def _read(unit: UnitOfWork, form: SheetForm) -> SheetImport:
    content = await documents.small_content(unit, form.document_id, BYTES_MAX, TOO_LARGE)
    known = await mappings_db.of_parties(unit.connection, unit.scope, form.provider, form.payer)
    stored = {each.header_digest: each.mapped_columns for each in known}
    found = await unit.children.run(sheet_answers.to_import, content, form.columns, stored)
    if form.columns is None and not found.was_stored:
        message = "no mapping is stored for these columns: send those that spreadsheetPreview proposes"
        raise refuse(ErrorCode.INVALID_INPUT, message, "columns")
    return found


async def _of_batches(unit: UnitOfWork, form: SheetForm, lines: Sequence[StatementLine]) -> list[StatementLine]:
    """The lines with the protocol of the batch that they name instead of a claim; one of a batch without a protocol
    waits for a person."""
    named = {each.batch_number for each in lines if each.batch_number}
    if not named:
        return list(lines)
    numbers = {int(each) for each in named if each.isdecimal() and len(each) <= BATCH_DIGITS_MAX}
    batches = await batches_db.numbered(unit.connection, unit.scope, form.provider, form.payer, sorted(numbers))
    protocols = {each.number: each.protocol_number for each in batches}
    return [_of_batch(each, protocols) if each.batch_number else each for each in lines]


def _of_batch(line: StatementLine, protocols: dict[int, str | None]) -> StatementLine:
    number = line.batch_number or ""
    protocol = protocols.get(int(number)) if number.isdecimal() else None
    findings = line.findings if protocol else (*line.findings, UNKNOWN_BATCH)
    return replace(line, batch_number=None, protocol_number=protocol, findings=findings)


def _typed(form: SheetForm) -> Statement:
    return Statement(
        form.payer, form.provider, form.statement_number, form.paid_on, form.method, form.bank_reference, ()
    )


IMPORT: Final = Action(
    "importSpreadsheet",
    import_sheet,
    needs="remittances:import",
    answer=statements.IMPORTED,
    seconds=SECONDS_MAX,
)
