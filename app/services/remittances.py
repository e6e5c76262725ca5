"""Taking in a payer's statement: kept once, matched to claims line by line, and matched by hand where that fails."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import claims as claims_db
from app.db import remittances as remittances_db
from app.db.claims import ClaimRecord
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.domain import ids
from app.domain import statement as remittance_input
from app.domain.calendar import business_day
from app.domain.data_scope import DataScope
from app.domain.errors import conflict, not_found, raise_any
from app.domain.remittances import (
    RemittanceLineAction,
    RemittanceLineProblem,
    RemittanceLineStatus,
    RemittanceSource,
    RemittanceStatus,
    next_line_status,
)
from app.domain.statement import LineData, RemittanceData
from app.events import outbox
from app.events.contracts import remittance_event
from app.services import parties


@dataclass(frozen=True, slots=True)
class Imported:
    """The remittance, and whether it had been taken in before."""

    remittance: RemittanceRecord
    is_known: bool


async def take(
    connection: AsyncConnection,
    *,
    scope: DataScope,
    data: RemittanceData,
    source: RemittanceSource,
    subject: str,
    now: datetime,
) -> Imported:
    """Keep the statement with its lines; the same statement again changes nothing, another one under its number is
    CONFLICT."""
    raise_any(remittance_input.failures(data, today=business_day(now)))
    await parties.check(connection, scope, provider=data.provider, payer=data.payer)
    known = await remittances_db.by_number(connection, data.payer, data.provider, data.statement_number)
    if known is not None:
        return _again(known, data)
    remittance = _record(data, source, subject, now)
    lines = await _matched(connection, scope, data, remittance)
    try:
        await remittances_db.insert_remittance(connection, remittance, lines)
    except IntegrityError:
        raise conflict("somebody else has just imported this statement: try again", "statementNumber") from None
    await outbox.record(connection, remittance_event("RemittanceImported", remittance, at=now))
    return Imported(remittance, is_known=False)


def _again(known: RemittanceRecord, data: RemittanceData) -> Imported:
    if known.content_hash != data.content_hash:
        message = f"statement {known.statement_number} was imported with other lines"
        raise conflict(message, "statementNumber")
    return Imported(known, is_known=True)


def _record(data: RemittanceData, source: RemittanceSource, subject: str, now: datetime) -> RemittanceRecord:
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
        created_by=subject,
        created_at=now,
        posted_at=None,
    )


async def _matched(
    connection: AsyncConnection, scope: DataScope, data: RemittanceData, remittance: RemittanceRecord
) -> list[RemittanceLineRecord]:
    numbers = {number for line in data.lines for number in (line.provider_claim_number, line.payer_claim_number)}
    wanted = sorted(number for number in numbers if number is not None)
    claims = await claims_db.by_numbers(connection, scope, data.provider, data.payer, wanted)
    replaced = await claims_db.replaced_among(connection, [claim.id for claim in claims])
    # A claim that another one replaces shares the payer's number with it; the later one is meant.
    living = [claim for claim in claims if claim.id not in replaced]
    return [_line(remittance.id, number, line, living) for number, line in enumerate(data.lines, start=1)]


def _line(remittance_id: str, sequence: int, data: LineData, claims: Sequence[ClaimRecord]) -> RemittanceLineRecord:
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


def _claims_of(line: LineData, claims: Sequence[ClaimRecord]) -> list[ClaimRecord]:
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


async def match(
    connection: AsyncConnection, *, scope: DataScope, line_id: str, claim_id: str, subject: str
) -> RemittanceLineRecord:
    """Say by hand which claim a waiting line is about."""
    seen = await remittances_db.line(connection, scope, line_id)
    remittance = await remittances_db.lock(connection, scope, seen.remittance_id) if seen else None
    line = await remittances_db.line(connection, scope, line_id) if remittance else None
    if remittance is None or line is None:
        raise not_found("remittance line", line_id)
    status = next_line_status(line.status, RemittanceLineAction.MATCH)
    claims = await claims_db.by_ids(connection, scope, [claim_id])
    if not claims:
        raise not_found("claim", claim_id, "claimId")
    if (claims[0].provider_cnes, claims[0].payer_ans) != (remittance.provider_cnes, remittance.payer_ans):
        raise conflict("the claim belongs to another provider or payer", "claimId")
    matched = replace(line, status=status, problem=None, claim_id=claim_id, matched_by=subject)
    await remittances_db.update_lines(connection, [matched])
    return matched
