"""Imports of long statements: each step is a transaction, which also says where the job goes on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from app.db import imports as imports_db
from app.db import remittances as remittances_db
from app.db import waiting_lines
from app.db.imports import ImportJobRecord
from app.db.remittances import RemittanceRecord
from app.domain.errors import BillingError, ErrorCode, Failure, raise_any, refuse
from app.domain.imports import ImportJobAction, ImportOutcome, StatementImport, next_status
from app.domain.remittances import RemittanceLineStatus, RemittanceSource, RemittanceStatus, remittance_status
from app.domain.statement import LONG_LINES_MAX, STOPPING, Statement, StatementLine
from app.events.import_events import import_event
from app.services import imports, remittances
from app.services.import_jobs import Parties
from app.services.imports import Hold, JobLost
from app.services.remittances import LONG_SECONDS, CheckedStatement
from app.services.statements import not_imported
from app.unit_of_work.action import Action
from app.unit_of_work.unit import UnitOfWork

REPORTED_LINES: Final = 5_000
"""After so many lines each the job reports its progress."""
GIVEN_UP: Final = "the import failed"


async def begin(unit: UnitOfWork, *, hold: Hold, statements: Sequence[tuple[CheckedStatement, int]]) -> ImportJobRecord:
    """The document was read: it has these statements, each of so many lines. Store those that are new, without lines.

    BillingError if one of them cannot be stored; then none is.
    """
    total = sum(lines for _, lines in statements)
    if total > LONG_LINES_MAX:
        message = f"the document has {total:,} lines, of which {LONG_LINES_MAX:,} can be imported: split it"
        raise refuse(ErrorCode.INVALID_INPUT, message, "lines")
    raise_any([failure for checked, _ in statements for failure in checked.failures])
    found = tuple([await _begun(unit, checked, lines) for checked, lines in statements])
    job, (provider, payer) = hold.job, _parties_of(statements)
    status = next_status(job.status, ImportJobAction.BEGIN)
    if not await imports_db.begin(unit.connection, job.id, hold.holder, status, unit.now, total, provider, payer):
        raise JobLost
    await imports_db.set_parties_of_document(unit.connection, job.document_id, provider, payer)
    begun = replace(job, status=status, started_at=unit.now, total=total, statements=found)
    begun = replace(begun, provider_cnes=provider, payer_ans=payer)
    await imports_db.set_statements(unit.connection, begun)
    unit.emit(import_event("ImportStarted", begun, at=unit.now))
    unit.changed(job.id)
    return begun


async def _begun(unit: UnitOfWork, checked: CheckedStatement, lines: int) -> StatementImport:
    try:
        known = await remittances.known_again(unit, checked)
    except BillingError as error:
        raise BillingError(not_imported(checked.statement.statement_number, error)) from None
    if known is not None:
        return StatementImport(known.remittance.id, lines, is_known=True)
    stored = await remittances.insert(unit, checked, RemittanceSource.TISS, RemittanceStatus.IMPORTING)
    return StatementImport(stored.id, lines)


def _parties_of(statements: Sequence[tuple[CheckedStatement, int]]) -> Parties:
    """The provider and the payer, or none if the statements have several."""
    providers = {checked.statement.provider for checked, _ in statements}
    payers = {checked.statement.payer for checked, _ in statements}
    return (providers.pop() if len(providers) == 1 else None, payers.pop() if len(payers) == 1 else None)


async def take_lines(unit: UnitOfWork, *, hold: Hold, lines: Sequence[StatementLine]) -> ImportJobRecord:
    """Store the next lines of the statement that the job is at; all others of it are refused if it was cancelled.

    JobLost, and nothing has happened, if the job is not the holder's any more.
    """
    job, place = hold.job, hold.job.lote
    each = _at(job)
    remittance = await remittances.locked(unit, each.remittance_id)
    if remittance.status is not RemittanceStatus.IMPORTING:
        rest = each.lines - job.guide
        return await imports.advance(unit, hold, {ImportOutcome.REFUSED: rest}, lote=place, guide=each.lines)
    of_payer = replace(_said(job), payer=remittance.payer_ans, provider=remittance.provider_cnes, lines=tuple(lines))
    matched = await remittances.match(unit, of_payer)
    first = await remittances_db.last_sequence(unit.connection, remittance.id) + 1
    stored = await remittances.insert_lines(unit, remittance, matched, first=first)
    unit.changed(remittance.id)
    if matched.statement.is_contradictory and not each.is_contradictory:
        job = await _noted(unit, hold.job, replace(each, is_contradictory=True))
    waiting = min(sum(line.status is RemittanceLineStatus.UNMATCHED for line in stored), len(lines))
    outcomes = {ImportOutcome.TAKEN: len(lines) - waiting, ImportOutcome.TAKEN_WITH_WARNINGS: waiting}
    done = hold.job.guide + len(lines)
    job = await imports.advance(unit, replace(hold, job=job), outcomes, lote=place, guide=done)
    if done // REPORTED_LINES > hold.job.guide // REPORTED_LINES:
        unit.emit(import_event("ImportProgressed", job, at=unit.now))
    return job


def _at(job: ImportJobRecord) -> StatementImport:
    return (job.statements or ())[job.lote]


def _said(job: ImportJobRecord) -> Statement:
    if job.statement is None:
        raise AssertionError(job.id)
    return job.statement


async def _noted(unit: UnitOfWork, job: ImportJobRecord, changed: StatementImport) -> ImportJobRecord:
    every = tuple(changed if place == job.lote else each for place, each in enumerate(job.statements or ()))
    noted = replace(job, statements=every)
    await imports_db.set_statements(unit.connection, noted)
    return noted


async def end_statement(unit: UnitOfWork, *, hold: Hold) -> ImportJobRecord:
    """All lines of the statement are stored: from now on it can be posted, or released. The next one follows."""
    job, each = hold.job, _at(hold.job)
    remittance = await remittances.locked(unit, each.remittance_id)
    if remittance.status is RemittanceStatus.IMPORTING:
        is_stopped = each.is_contradictory or any(found.kind in STOPPING for found in remittance.findings or ())
        statuses = await remittances_db.line_statuses(unit.connection, remittance.id)
        status = RemittanceStatus.REVIEW if is_stopped else remittance_status(statuses)
        whole = replace(remittance, status=status, changed_at=unit.now)
        await remittances_db.update_remittance(unit.connection, whole)
        waiting = await waiting_lines.count_waiting(unit.connection, remittance.id)
        await remittances.complete(unit, whole, waiting)
    unit.changed(remittance.id)
    unchanged = {ImportOutcome.UNCHANGED: each.lines} if each.is_known else {}
    job = await imports.advance(unit, hold, unchanged, lote=job.lote + 1, guide=0)
    unit.emit(import_event("ImportProgressed", job, at=unit.now))
    unit.changed(job.id)
    return job


async def give_up(unit: UnitOfWork, *, hold: Hold, failure: Failure) -> ImportJobRecord:
    """The lines cannot be stored: what was stored of unfinished statements is cancelled, and the job has failed.

    It names the payments that are cancelled too: they may have joined their statements after the import began.
    """
    failures = [failure]
    for each in hold.job.statements or ():
        remittance = await remittances_db.lock(unit.connection, unit.scope, each.remittance_id)
        if remittance is not None and remittance.status is RemittanceStatus.IMPORTING:
            reason = GIVEN_UP
            if remittance.paid_on is not None:
                reason = _lost_payment(remittance)
                failures.append(Failure(ErrorCode.CONFLICT, reason, None))
            await remittances.cancel(unit, id=remittance.id, reason=reason)
    return await imports.finish(unit, hold=hold, failures=failures)


def _lost_payment(remittance: RemittanceRecord) -> str:
    named = f"statement {remittance.statement_number} of {remittance.paid_on}"
    return f"{GIVEN_UP}, and the payment of {named} is cancelled too: import both again"


BEGIN: Final = Action("beginStatementImport", begin, seconds=LONG_SECONDS)
TAKE_LINES: Final = Action("importLinesOfStatement", take_lines)
END_STATEMENT: Final = Action("endStatementOfJob", end_statement)
GIVE_UP: Final = Action("giveUpStatementImport", give_up, seconds=LONG_SECONDS)
"""Used by the job's holder."""
