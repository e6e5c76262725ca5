"""Importing a payer's statement: stored once, and matched to claims line by line; taking a wrong import back."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any, Final, Protocol

from sqlalchemy.exc import IntegrityError

from app.db import claims as claims_db
from app.db import remittances as remittances_db
from app.db.claims import ClaimRecord
from app.db.remittances import AdjustmentRecord, RemittanceLineRecord, RemittanceRecord
from app.domain import ids
from app.domain.actions import RemittanceOperation
from app.domain.errors import Failure, conflict, not_found, raise_any
from app.domain.remittances import (
    RemittanceLineProblem,
    RemittanceLineStatus,
    RemittanceSource,
    RemittanceStatus,
    check_cancellation,
)
from app.domain.statement import Statement, StatementLine, statement_failures
from app.domain.text import text_failure
from app.events.contracts import remittance_event, waiting_event
from app.services import bank_matches, parties, payment_joins
from app.tiss import read_statement
from app.tiss.child_processes import ChildProcesses
from app.unit_of_work.action import Action, StoredAnswer, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork

LINES_AT_ONCE: Final = 200
"""How many lines are checked or written without letting the event loop have a turn."""
REASON_LENGTH_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Imported:
    """The remittance, and whether it had been imported before."""

    remittance: RemittanceRecord
    already_imported: bool


async def read_document(
    children: ChildProcesses, *, statement: Statement, document: bytes | None, source: RemittanceSource
) -> dict[str, Any]:
    """The arguments of `import_statement`, with number and lines from the TISS document."""
    if document is None:
        return {"statement": statement, "source": source}
    message = await children.run(read_statement.read_for, document, statement.payer, statement.provider)
    number = statement.statement_number or message.statement_number or ""
    return {"statement": replace(statement, statement_number=number, lines=message.lines), "source": source}


async def import_statement(unit: UnitOfWork, *, statement: Statement, source: RemittanceSource) -> Imported:
    """Store the statement with its lines. The same statement again changes nothing, or adds the payment of what it has
    decided; other lines under its number are CONFLICT."""
    raise_any(await _failures(statement, unit.today))
    await parties.check(unit.connection, unit.scope, provider=statement.provider, payer=statement.payer)
    known = await remittances_db.by_number(
        unit.connection, statement.payer, statement.provider, statement.statement_number
    )
    if known is not None:
        unit.changed(known.id)
        paid = await payment_joins.again(unit, known, statement)
        if paid is not None:
            await bank_matches.match_payment(unit, paid)
        return Imported(paid or known, already_imported=paid is None)
    remittance = _record(unit, statement, source)
    lines = await _matched_lines(unit, statement, remittance)
    try:
        await remittances_db.insert_remittance(unit.connection, remittance, lines, _adjustments(statement, remittance))
    except IntegrityError:
        # Also when a draft claim of one of the lines was deleted meanwhile.
        raise conflict("the statement or its claims were changed concurrently: try again", "statementNumber") from None
    unit.emit(remittance_event("RemittanceImported", remittance, at=unit.now))
    emit_waiting(unit, remittance, lines, previous=None)
    unit.changed(remittance.id)
    await bank_matches.match_payment(unit, remittance)
    return Imported(remittance, already_imported=False)


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


async def _failures(statement: Statement, today: date) -> list[Failure]:
    """The failures of the statement, which has up to 2,000 lines: many are checked in a thread."""
    check = partial(statement_failures, statement, today=today)
    return await asyncio.to_thread(check) if len(statement.lines) > LINES_AT_ONCE else check()


def _record(unit: UnitOfWork, statement: Statement, source: RemittanceSource) -> RemittanceRecord:
    return RemittanceRecord(
        id=ids.new_id(ids.REMITTANCE),
        payer_ans=statement.payer,
        provider_cnes=statement.provider,
        statement_number=statement.statement_number,
        source=source,
        status=RemittanceStatus.REVIEW if statement.is_contradictory else RemittanceStatus.IMPORTED,
        paid_on=statement.paid_on,
        method=statement.method,
        bank_reference=statement.bank_reference,
        paid_cents=sum(line.paid for line in statement.lines),
        denied_cents=sum(denial.amount for line in statement.lines for denial in line.denials),
        content_hash=statement.decisions_hash,
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
        document_hash=None,
        findings=statement.findings,
        released_at=None,
        released_by=None,
        release_reason=None,
    )


def _adjustments(statement: Statement, remittance: RemittanceRecord) -> list[AdjustmentRecord]:
    return [
        AdjustmentRecord(
            id=ids.new_id(ids.REMITTANCE_ADJUSTMENT),
            remittance_id=remittance.id,
            sequence=sequence,
            direction=each.direction,
            level=each.level,
            type=each.type,
            description=each.description,
            amount_cents=each.amount,
        )
        for sequence, each in enumerate(statement.adjustments, start=1)
    ]


async def _matched_lines(
    unit: UnitOfWork, statement: Statement, remittance: RemittanceRecord
) -> list[RemittanceLineRecord]:
    claims = await claims_db.by_numbers(
        unit.connection,
        unit.scope,
        statement.provider,
        statement.payer,
        own_numbers=sorted({line.provider_claim_number for line in statement.lines if line.provider_claim_number}),
        payer_numbers=sorted({line.payer_claim_number for line in statement.lines if line.payer_claim_number}),
    )
    replaced = await claims_db.replaced_among(unit.connection, [claim.id for claim in claims])
    # A claim and the one that replaces it have the same number of the payer, which means the newer one.
    active = Numbered(claim for claim in claims if claim.id not in replaced)
    lines: list[RemittanceLineRecord] = []
    for number, line in enumerate(statement.lines, start=1):
        lines.append(_line(remittance.id, number, line, active))
        if number % LINES_AT_ONCE == 0:
            await asyncio.sleep(0)
    return lines


class NamesClaim(Protocol):
    """A line of a statement, with the numbers of its claim."""

    @property
    def provider_claim_number(self) -> str | None: ...
    @property
    def payer_claim_number(self) -> str | None: ...


class Numbered:
    """Claims by their numbers."""

    def __init__(self, claims: Iterable[ClaimRecord]) -> None:
        self._of_provider: defaultdict[str, list[ClaimRecord]] = defaultdict(list)
        self._of_payer: defaultdict[str, list[ClaimRecord]] = defaultdict(list)
        for claim in claims:
            self._of_provider[claim.provider_claim_number].append(claim)
            if claim.payer_claim_number is not None:
                self._of_payer[claim.payer_claim_number].append(claim)

    def of(self, line: NamesClaim) -> list[ClaimRecord]:
        """The claims that fit the line's numbers; if the two numbers are those of different claims, all of them."""
        by_provider = self._of_provider.get(line.provider_claim_number or "", [])
        by_payer = self._of_payer.get(line.payer_claim_number or "", [])
        if by_provider and by_payer:
            both = [claim for claim in by_provider if claim in by_payer]
            return both or [*by_provider, *by_payer]
        return by_provider or by_payer


def _line(remittance_id: str, sequence: int, line: StatementLine, claims: Numbered) -> RemittanceLineRecord:
    found = claims.of(line)
    is_matched = len(found) == 1
    problem = RemittanceLineProblem.AMBIGUOUS if found else RemittanceLineProblem.UNKNOWN_CLAIM
    return RemittanceLineRecord(
        id=ids.new_id(ids.REMITTANCE_LINE),
        remittance_id=remittance_id,
        sequence=sequence,
        provider_claim_number=line.provider_claim_number,
        payer_claim_number=line.payer_claim_number,
        item_sequence=line.item_sequence,
        item_code=line.item_code,
        paid_cents=line.paid,
        denials=line.denials,
        status=RemittanceLineStatus.MATCHED if is_matched else RemittanceLineStatus.UNMATCHED,
        problem=None if is_matched else problem,
        claim_id=found[0].id if is_matched else None,
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
        code_system=line.code_system,
        description=line.description,
        findings=line.findings,
    )


async def cancel(unit: UnitOfWork, *, id: str, reason: str) -> RemittanceRecord:
    """Take back a wrong import: its lines are done with, and its number can be imported again.

    CONFLICT if a line is posted, or if it is cancelled already.
    """
    raise_any([text_failure(reason, "reason", REASON_LENGTH_MAX)])
    remittance = await locked(unit, id)
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
    unit.emit(remittance_event("RemittanceCancelled", cancelled, at=unit.now))
    unit.changed(cancelled.id)
    return cancelled


async def locked(unit: UnitOfWork, remittance_id: str) -> RemittanceRecord:
    """The remittance, locked for a change; NOT_FOUND outside the data scope."""
    remittance = await remittances_db.lock(unit.connection, unit.scope, remittance_id)
    if remittance is None:
        raise not_found("remittance")
    return remittance


async def _rebuild(unit: UnitOfWork, facts: Any) -> Imported:
    remittance, already_imported = facts
    return Imported((await STORED_REMITTANCE.read(unit, [remittance]))[0], already_imported)


STORED_REMITTANCE: Final = StoredRecord(
    RemittanceRecord,
    remittances_db.by_ids,
    *("status", "posted_at", "cancelled_at", "cancelled_by", "changed_at"),
    texts=("cancel_reason",),
)
IMPORT: Final = Action(
    "importRemittance",
    import_statement,
    needs="remittances:import",
    answer=StoredAnswer(lambda done: [STORED_REMITTANCE.facts(done.remittance), done.already_imported], _rebuild),
    prepare=read_document,
)
CANCEL: Final = Action(
    "cancelRemittance",
    cancel,
    needs="remittances:import",
    answer=answer_of_one(STORED_REMITTANCE),
    offers=RemittanceOperation.CANCEL,
)
