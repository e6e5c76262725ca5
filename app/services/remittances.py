"""Importing a payer's statement: stored once, and matched to claims line by line; taking a wrong import back."""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Final

from sqlalchemy.exc import IntegrityError

from app.db import remittances as remittances_db
from app.db.claims import ClaimRecord
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.domain import ids, refusals
from app.domain.actions import RemittanceOperation
from app.domain.errors import Failure, conflict, not_found
from app.domain.readable_lines import readable
from app.domain.remittance_checks import check_cancellation
from app.domain.remittances import RemittanceLineProblem, RemittanceLineStatus, RemittanceSource, RemittanceStatus
from app.domain.statement import DOCUMENT_LINES_MAX, LINES_MAX, Digests, Statement, StatementLine, statement_failures
from app.domain.text import text_failure
from app.events.contracts import remittance_event, waiting_event
from app.services import (
    bank_matches,
    parties,
    payment_joins,
    protocol_payments,
    statement_deductions,
    statement_matching,
)
from app.services.statement_matching import Matched
from app.unit_of_work.action import Action, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

LINES_AT_ONCE: Final = 200
"""How many lines are checked or written without letting the event loop have a turn."""
REASON_LENGTH_MAX: Final = 500
LONG_SECONDS: Final = 60.0
"""For what changes all lines of a statement, which may be a hundred thousand."""


@frozen
class ImportedStatement:
    """The remittance that a statement is, and whether nothing was changed because it was imported before."""

    remittance: RemittanceRecord
    was_known: bool


@frozen
class CheckedStatement:
    """A statement as it can be stored, why it cannot be, its digests, and the sums of its lines in cents; of a long
    one, the lines are apart."""

    statement: Statement
    failures: Sequence[Failure]
    digests: Digests
    paid: int
    denied: int


async def import_statement(unit: UnitOfWork, *, statement: Statement, source: RemittanceSource) -> ImportedStatement:
    """Store the statement with its lines. The same statement again changes nothing, also under another number if it is
    a document, or adds the payment of what it has decided; other lines under its number are CONFLICT."""
    checked = await _checked(statement, today=unit.today, is_typed=source is RemittanceSource.TYPED)
    known = await known_again(unit, checked, may_post=source is RemittanceSource.EVENT)
    if known is not None:
        return known
    matched = await match(unit, checked.statement)
    status = RemittanceStatus.REVIEW if matched.statement.is_contradictory else RemittanceStatus.IMPORTED
    remittance = await insert(unit, checked, source, status)
    lines = await insert_lines(unit, remittance, matched, first=1)
    await complete(unit, remittance, sum(line.status is RemittanceLineStatus.UNMATCHED for line in lines))
    return ImportedStatement(remittance, was_known=False)


async def known_again(
    unit: UnitOfWork, checked: CheckedStatement, *, may_post: bool = False
) -> ImportedStatement | None:
    """The remittance that this statement is already, with its payment if that is new; None for a new statement.

    BillingError for one that cannot be stored. `may_post`: see `payment_joins.again`.
    """
    statement = checked.statement
    await refusals.checked(
        checked.failures,
        parties.check(unit.connection, unit.scope, provider=statement.provider, payer=statement.payer),
    )
    known = await payment_joins.known(unit, statement, checked.digests)
    if known is None:
        return None
    unit.changed(known.id)
    paid = await payment_joins.again(unit, known, statement, checked.digests, may_post=may_post)
    if paid is not None:
        await bank_matches.match_payment(unit, paid)
    return ImportedStatement(paid or known, was_known=paid is None)


async def match(unit: UnitOfWork, statement: Statement) -> Matched:
    """The claims of each of the statement's lines."""
    return await statement_matching.matched(unit, await protocol_payments.by_claim(unit, statement))


async def insert(
    unit: UnitOfWork, checked: CheckedStatement, source: RemittanceSource, status: RemittanceStatus
) -> RemittanceRecord:
    """Store a new statement, without its lines."""
    remittance = _record(unit, checked, source, status)
    adjustments = payment_joins.adjustments_of(checked.statement, remittance.id)
    with _no_other():
        await remittances_db.insert_remittance(unit.connection, remittance, adjustments)
    unit.changed(remittance.id)
    return remittance


async def insert_lines(
    unit: UnitOfWork, remittance: RemittanceRecord, matched: Matched, *, first: int
) -> list[RemittanceLineRecord]:
    """Store lines of the statement, from the number `first` on."""
    lines: list[RemittanceLineRecord] = []
    for number, each in enumerate(zip(matched.statement.lines, matched.claims, strict=True), start=first):
        lines.append(_line(remittance, number, *each))
        if number % LINES_AT_ONCE == 0:
            await asyncio.sleep(0)
    with _no_other():
        await remittances_db.insert_lines(unit.connection, lines)
    return lines


@contextlib.contextmanager
def _no_other() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        # Also when a draft claim of one of the lines was deleted meanwhile.
        raise conflict("the statement or its claims were changed concurrently: try again", "statementNumber") from None


async def complete(unit: UnitOfWork, remittance: RemittanceRecord, waiting: int) -> None:
    """All lines of the statement are there, of which so many wait."""
    unit.emit(remittance_event("RemittanceImported", remittance, at=unit.now))
    if waiting:
        unit.emit(waiting_event(remittance, waiting, previous=None, at=unit.now))
    await bank_matches.match_payment(unit, remittance)


async def _checked(statement: Statement, *, today: date, is_typed: bool) -> CheckedStatement:
    """The checked statement, which has up to 5,000 lines: one with many is checked in a thread."""
    check = partial(_check, statement, today=today, is_typed=is_typed)
    return await asyncio.to_thread(check) if len(statement.lines) > LINES_AT_ONCE else check()


def _check(statement: Statement, *, today: date, is_typed: bool) -> CheckedStatement:
    found = statement if is_typed else readable(statement)
    failures = statement_failures(found, today=today, lines_max=LINES_MAX if is_typed else DOCUMENT_LINES_MAX)
    return CheckedStatement(found, failures, found.digests, paid_of(found.lines), denied_of(found.lines))


def paid_of(lines: Iterable[StatementLine]) -> int:
    """What the lines pay together, in cents."""
    return sum(line.paid for line in lines)


def denied_of(lines: Iterable[StatementLine]) -> int:
    """What the lines deny together, in cents."""
    return sum(denial.amount for line in lines for denial in line.denials)


def emit_waiting(
    unit: UnitOfWork,
    remittance: RemittanceRecord,
    lines: Iterable[RemittanceLineRecord],
    *,
    previous: RemittanceLineStatus | None,
) -> None:
    """Report those of the changed lines that wait from now on; `previous` was the status of each, None if new."""
    waiting = sum(line.status is RemittanceLineStatus.UNMATCHED for line in lines)
    if waiting:
        unit.emit(waiting_event(remittance, waiting, previous=previous, at=unit.now))


def _record(
    unit: UnitOfWork, checked: CheckedStatement, source: RemittanceSource, status: RemittanceStatus
) -> RemittanceRecord:
    statement = checked.statement
    return RemittanceRecord(
        id=ids.new_id(ids.REMITTANCE),
        payer_ans=statement.payer,
        provider_cnes=statement.provider,
        statement_number=statement.statement_number,
        source=source,
        status=status,
        paid_on=statement.paid_on,
        method=statement.method,
        bank_reference=statement.bank_reference,
        paid_cents=checked.paid,
        denied_cents=checked.denied,
        content_hash=checked.digests.content,
        created_by=unit.subject,
        created_at=unit.now,
        posted_at=None,
        cancelled_id="",
        cancelled_at=None,
        cancelled_by=None,
        cancel_reason=None,
        changed_at=unit.now,
        kind=statement.kind,
        issued_on=statement.issued_on,
        net_cents=statement.net,
        document_hash=checked.digests.document,
        findings=statement.findings,
        released_at=None,
        released_by=None,
        release_reason=None,
    )


def _line(
    remittance: RemittanceRecord, sequence: int, line: StatementLine, claims: Sequence[ClaimRecord]
) -> RemittanceLineRecord:
    is_matched = len(claims) == 1 and not line.must_wait
    problem = RemittanceLineProblem.AMBIGUOUS if claims else RemittanceLineProblem.UNKNOWN_CLAIM
    if line.must_wait:
        problem = RemittanceLineProblem.DOUBTFUL
    return RemittanceLineRecord(
        id=ids.new_id(ids.REMITTANCE_LINE),
        remittance_id=remittance.id,
        sequence=sequence,
        provider_claim_number=line.provider_claim_number,
        payer_claim_number=line.payer_claim_number,
        item_sequence=line.item_sequence,
        item_code=line.item_code,
        paid_cents=line.paid,
        denials=line.denials,
        patient_cents=line.patient,
        status=RemittanceLineStatus.MATCHED if is_matched else RemittanceLineStatus.UNMATCHED,
        problem=None if is_matched else problem,
        claim_id=claims[0].id if is_matched else None,
        matched_by=None,
        posted_at=None,
        dismissed_at=None,
        dismissed_by=None,
        dismissal_reason=None,
        billed_cents=line.billed,
        processed_cents=line.processed,
        quantity=line.quantity,
        performed_on=line.performed_on,
        card_number=line.card_number,
        protocol_number=line.protocol_number,
        authorization_number=line.authorization_number,
        code_system=line.code_system,
        description=line.description,
        findings=line.findings,
        waiting_since=None if is_matched else remittance.created_at,
        assigned_to=None,
        set_aside_until=None,
        reason_code=line.denials[0].code if line.denials else None,
        resolution=None,
        split_from_id=None,
    )


async def cancel(unit: UnitOfWork, *, id: str, reason: str) -> RemittanceRecord:
    """Take back a wrong import: its lines are done with, and its number can be imported again; CONFLICT if a line is
    posted, or if it is cancelled already."""
    remittance = await refusals.checked([text_failure(reason, "reason", REASON_LENGTH_MAX)], locked(unit, id))
    check_cancellation(remittance.status, is_posted=remittance.posted_at is not None)
    cancelled = replace(
        remittance,
        status=RemittanceStatus.CANCELLED,
        cancelled_id=remittance.id,
        cancelled_at=unit.now,
        cancelled_by=unit.subject,
        cancel_reason=reason,
        changed_at=unit.now,
    )
    await remittances_db.update_remittance(unit.connection, cancelled)
    await remittances_db.cancel_lines(unit.connection, id)
    await bank_matches.release(unit, id)
    await statement_deductions.forget(unit, remittance)
    unit.emit(remittance_event("RemittanceCancelled", cancelled, at=unit.now))
    unit.changed(cancelled.id)
    return cancelled


async def locked(unit: UnitOfWork, remittance_id: str) -> RemittanceRecord:
    """The remittance, locked for a change; NOT_FOUND outside the data scope."""
    remittance = await remittances_db.lock(unit.connection, unit.scope, remittance_id)
    if remittance is None:
        raise not_found("remittance")
    return remittance


STORED_REMITTANCE: Final = StoredRecord(
    RemittanceRecord,
    remittances_db.by_ids,
    *("status", "posted_at", "cancelled_at", "cancelled_by", "changed_at", "released_at", "released_by"),
    texts=("cancel_reason", "release_reason"),
)
ONE_REMITTANCE: Final = answer_of_one(STORED_REMITTANCE)
CANCEL: Final = Action(
    "cancelRemittance",
    cancel,
    needs="remittances:import",
    answer=ONE_REMITTANCE,
    offers=RemittanceOperation.CANCEL,
    seconds=LONG_SECONDS,
)
