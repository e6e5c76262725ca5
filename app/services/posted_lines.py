"""What posting does besides decisions and payments: put each line where it belongs, record credits, accept losses."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from app.db import denials as denials_db
from app.db.claims import ClaimRecord, ItemRecord
from app.db.denials import DenialRecord
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.domain.denials import RECOVERABLE, DenialStatus
from app.domain.line_work import LineResolution
from app.domain.paid_lines import names
from app.domain.remittances import (
    RemittanceLineAction,
    RemittanceLineProblem,
    RemittanceLineStatus,
    next_line_status,
)
from app.services import adjustments, denials, unapplied_credits
from app.services.denials import Recovery
from app.unit_of_work.unit import UnitOfWork


def after_posting(
    line: RemittanceLineRecord, problem: RemittanceLineProblem | None, now: datetime
) -> RemittanceLineRecord:
    """The line after its posting: posted, or in the queue because of the problem."""
    if problem is not None:
        status = next_line_status(line.status, RemittanceLineAction.PUT_BACK)
        return replace(line, status=status, problem=problem, waiting_since=now)
    return replace(line, status=next_line_status(line.status, RemittanceLineAction.POST), posted_at=now)


async def recovered(unit: UnitOfWork, lines: Sequence[RemittanceLineRecord]) -> dict[str, tuple[Recovery, ...] | None]:
    """Claim id -> what its lines pay of denials, as a person has said, None if these are not there any more; the
    caller has locked the claims."""
    wanted: dict[str, list[LineResolution]] = {}
    for line in lines:
        if line.claim_id is not None and line.resolution is not None and line.resolution.recovered:
            wanted.setdefault(line.claim_id, []).append(line.resolution)
    if not wanted:
        return {}
    found_denials = await denials_db.of_claims(unit.connection, unit.scope, sorted(wanted))
    known = {denial.id: denial for denial in found_denials if denial.status in RECOVERABLE}
    return {claim: _recoveries(known, resolutions) for claim, resolutions in wanted.items()}


def _recoveries(
    known: Mapping[str, DenialRecord], resolutions: Sequence[LineResolution]
) -> tuple[Recovery, ...] | None:
    parts = [part for each in resolutions for part in each.parts]
    amounts = {each.denial_id: each.amount for each in parts}
    # Two lines about one denial: the second was promised what the first one takes.
    is_promised_once = len(amounts) == len(parts)
    is_left = all(each.denial_id in known and each.amount <= known[each.denial_id].amount_cents for each in parts)
    if not parts or not is_promised_once or not is_left:
        return None
    return tuple(Recovery(known[name], amount) for name, amount in amounts.items())


async def record_credits(unit: UnitOfWork, remittance: RemittanceRecord, lines: Sequence[RemittanceLineRecord]) -> None:
    """Record the credits of lines that are posted or held from now on, and the debits that have no claim."""
    posted = [line for line in lines if line.status is RemittanceLineStatus.POSTED and line.resolution is not None]
    debits = [line for line in posted if line.is_without_claim and line.paid_cents < 0]
    await adjustments.record_debits(unit, remittance, debits)
    posted = [line for line in posted if line not in debits]
    held = [line for line in lines if line.status is RemittanceLineStatus.HELD]
    await unapplied_credits.record(unit, remittance, [*posted, *held])


async def write_off(
    unit: UnitOfWork,
    lines: Sequence[RemittanceLineRecord],
    claims: Collection[ClaimRecord],
    items: Collection[ItemRecord],
) -> None:
    """Accept the denials that these lines write off; `claims` are locked, and have just been decided by the lines."""
    given_up = [
        (line, denied)
        for line in lines
        if line.resolution is not None and line.resolution.is_written_off
        for denied in line.resolution.denials
    ]
    if not given_up:
        return
    claims_by_id = {claim.id: claim for claim in claims}
    billed = {item.id: item.billed for item in items}
    ids = sorted({line.claim_id for line, _ in given_up if line.claim_id})
    found = [each for each in await denials_db.of_claims(unit.connection, unit.scope, ids) if _may_be_accepted(each)]
    for line, denied in given_up:
        same = [
            each
            for each in found
            if (each.claim_id, each.code, each.amount_cents) == (line.claim_id, denied.code, denied.amount)
        ]
        # Of equal ones that of the line's own item: the others can still be appealed.
        own = [each for each in same if names(line.paid_line, billed[each.item_id])]
        for denial in (own or same)[:1]:
            found.remove(denial)
            await denials.accept_locked(unit, claims_by_id[denial.claim_id], denial)


def _may_be_accepted(denial: DenialRecord) -> bool:
    return denial.status is DenialStatus.OPEN and not denial.is_after_appeal
