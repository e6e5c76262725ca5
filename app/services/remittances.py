"""Importing a payer's statement: stored once, matched to claims line by line, and matched by hand where that fails."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from app.db import claims as claims_db
from app.db import remittances as remittances_db
from app.db.claims import ClaimRecord
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.domain import ids, statement
from app.domain.errors import conflict, not_found, raise_any
from app.domain.remittances import (
    RemittanceLineAction,
    RemittanceLineProblem,
    RemittanceLineStatus,
    RemittanceSource,
    RemittanceStatus,
    next_line_status,
)
from app.domain.statement import Statement, StatementLine
from app.events.contracts import remittance_event
from app.services import parties
from app.tiss import read_statement
from app.unit_of_work.action import Action, Answer, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class Imported:
    """The remittance, and whether it had been imported before."""

    remittance: RemittanceRecord
    already_imported: bool


async def read_document(*, data: Statement, document: bytes | None, source: RemittanceSource) -> dict[str, Any]:
    """The arguments of `take`, with the number and lines of a TISS document read in a thread of its own."""
    if document is None:
        return {"data": data, "source": source}
    read = partial(read_statement.read_for, document, payer=data.payer, provider=data.provider)
    message = await asyncio.to_thread(read)
    number = data.statement_number or message.statement_number or ""
    return {"data": replace(data, statement_number=number, lines=message.lines), "source": source}


async def take(unit: UnitOfWork, *, data: Statement, source: RemittanceSource) -> Imported:
    """Store the statement with its lines; the same statement again changes nothing, another one under its number is
    CONFLICT."""
    raise_any(statement.failures(data, today=unit.today))
    await parties.check(unit.connection, unit.scope, provider=data.provider, payer=data.payer)
    known = await remittances_db.by_number(unit.connection, data.payer, data.provider, data.statement_number)
    if known is not None:
        unit.changed(known.id)
        return _again(known, data)
    remittance = _record(unit, data, source)
    lines = await _matched(unit, data, remittance)
    try:
        await remittances_db.insert_remittance(unit.connection, remittance, lines)
    except IntegrityError:
        raise conflict("the statement was imported concurrently: try again", "statementNumber") from None
    unit.emit(remittance_event("RemittanceImported", remittance, at=unit.now))
    unit.changed(remittance.id)
    return Imported(remittance, already_imported=False)


def _again(known: RemittanceRecord, data: Statement) -> Imported:
    if known.content_hash != data.content_hash:
        message = f"statement {known.statement_number} was imported with other lines"
        raise conflict(message, "statementNumber")
    return Imported(known, already_imported=True)


def _record(unit: UnitOfWork, data: Statement, source: RemittanceSource) -> RemittanceRecord:
    return RemittanceRecord(
        id=ids.new_id(ids.REMITTANCE),
        payer_ans=data.payer,
        provider_cnes=data.provider,
        statement_number=data.statement_number,
        source=source,
        status=RemittanceStatus.IMPORTED,
        paid_on=data.paid_on,
        method=data.method,
        bank_reference=data.bank_reference,
        paid_cents=sum(line.paid for line in data.lines),
        denied_cents=sum(denial.amount for line in data.lines for denial in line.denials),
        content_hash=data.content_hash,
        created_by=unit.subject,
        created_at=unit.now,
        posted_at=None,
    )


async def _matched(unit: UnitOfWork, data: Statement, remittance: RemittanceRecord) -> list[RemittanceLineRecord]:
    numbers = {number for line in data.lines for number in (line.provider_claim_number, line.payer_claim_number)}
    wanted = sorted(number for number in numbers if number is not None)
    claims = await claims_db.by_numbers(unit.connection, unit.scope, data.provider, data.payer, wanted)
    replaced = await claims_db.replaced_among(unit.connection, [claim.id for claim in claims])
    # A claim that another one replaces shares the payer's number with it; the later one is meant.
    active = [claim for claim in claims if claim.id not in replaced]
    return [_line(remittance.id, number, line, active) for number, line in enumerate(data.lines, start=1)]


def _line(
    remittance_id: str, sequence: int, data: StatementLine, claims: Sequence[ClaimRecord]
) -> RemittanceLineRecord:
    found = _claims_of(data, claims)
    is_matched = len(found) == 1
    problem = RemittanceLineProblem.AMBIGUOUS if found else RemittanceLineProblem.UNKNOWN_CLAIM
    return RemittanceLineRecord(
        id=ids.new_id(ids.REMITTANCE_LINE),
        remittance_id=remittance_id,
        sequence=sequence,
        provider_claim_number=data.provider_claim_number,
        payer_claim_number=data.payer_claim_number,
        item_sequence=data.item_sequence,
        item_code=data.item_code,
        paid_cents=data.paid,
        denials=data.denials,
        status=RemittanceLineStatus.MATCHED if is_matched else RemittanceLineStatus.UNMATCHED,
        problem=None if is_matched else problem,
        claim_id=found[0].id if is_matched else None,
        matched_by=None,
        posted_at=None,
    )


def _claims_of(line: StatementLine, claims: Sequence[ClaimRecord]) -> list[ClaimRecord]:
    """The claims that fit both numbers, as far as they are known; two numbers of two claims fit neither alone."""
    own = [claim for claim in claims if claim.provider_claim_number == line.provider_claim_number]
    payers = [
        claim
        for claim in claims
        if line.payer_claim_number is not None and claim.payer_claim_number == line.payer_claim_number
    ]
    if own and payers:
        both = [claim for claim in own if claim in payers]
        return both or [*own, *payers]
    return own or payers


async def match(unit: UnitOfWork, *, id: str, claim_id: str) -> RemittanceLineRecord:
    """Say by hand which claim a waiting line is about."""
    connection, scope = unit.connection, unit.scope
    seen = await remittances_db.line(connection, scope, id)
    remittance = await remittances_db.lock(connection, scope, seen.remittance_id) if seen else None
    line = await remittances_db.line(connection, scope, id) if remittance else None
    if remittance is None or line is None:
        raise not_found("remittance line", id)
    status = next_line_status(line.status, RemittanceLineAction.MATCH)
    claims = await claims_db.by_ids(connection, scope, [claim_id])
    if not claims:
        raise not_found("claim", claim_id, "claimId")
    if (claims[0].provider_cnes, claims[0].payer_ans) != (remittance.provider_cnes, remittance.payer_ans):
        raise conflict("the claim belongs to another provider or payer", "claimId")
    matched = replace(line, status=status, problem=None, claim_id=claim_id, matched_by=unit.subject)
    await remittances_db.update_lines(connection, [matched])
    unit.changed(matched.id, claims[0].patient_id)
    return matched


async def _imported(unit: UnitOfWork, facts: Any) -> Imported:
    remittance, already_imported = facts
    return Imported((await STORED_REMITTANCE.read(unit, [remittance]))[0], already_imported)


STORED_REMITTANCE: Final = StoredRecord(RemittanceRecord, remittances_db.by_ids, "status", "posted_at")
_STORED_LINE: Final = StoredRecord(
    RemittanceLineRecord,
    remittances_db.lines_by_ids,
    *("status", "problem", "claim_id", "matched_by", "posted_at"),
)


IMPORT: Final = Action(
    "importRemittance",
    take,
    needs="remittances:import",
    answer=Answer(
        lambda imported: [STORED_REMITTANCE.facts(imported.remittance), imported.already_imported], _imported
    ),
    prepare=read_document,
)
MATCH: Final = Action(
    "matchRemittanceLine",
    match,
    needs="remittances:import",
    answer=answer_of_one(_STORED_LINE),
)
