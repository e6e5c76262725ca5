"""Lines of a payer's statement by hand: matched to a claim, unmatched again, or dismissed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy.exc import IntegrityError

from app.db import claims as claims_db
from app.db import line_history as line_history_db
from app.db import remittances as remittances_db
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.domain.actions import RemittanceLineOperation
from app.domain.errors import conflict, not_found
from app.domain.line_work import LineStep, carried
from app.domain.refusals import checked
from app.domain.remittances import (
    RemittanceLineAction,
    RemittanceLineProblem,
    RemittanceLineStatus,
    next_line_status,
)
from app.domain.text import text_failure
from app.services import unapplied_credits
from app.services.line_steps import locked, store, waiting
from app.services.remittances import REASON_LENGTH_MAX, emit_waiting
from app.unit_of_work.action import Action, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork

MATCHED: Final = RemittanceLineStatus.MATCHED


async def match(unit: UnitOfWork, *, id: str, claim_id: str) -> RemittanceLineRecord:
    """Assign a waiting or dismissed line to a claim by hand."""
    remittance, line = await locked(unit, id)
    status = next_line_status(line.status, RemittanceLineAction.MATCH)
    await check_claim(unit, remittance, claim_id, "claimId")
    read_as = carried(line.resolution, before=line.claim_id, after=claim_id)
    matched = replace(_undismissed(line), status=status, problem=None, claim_id=claim_id, matched_by=unit.subject)
    matched = replace(matched, resolution=read_as, set_aside_until=None)
    try:
        return await store(unit, remittance, line, matched, LineStep.MATCH)
    except IntegrityError:
        # The claim was a draft, and was deleted after it was read.
        raise not_found("claim", "claimId") from None


async def check_claim(unit: UnitOfWork, remittance: RemittanceRecord, claim_id: str, field: str) -> None:
    """NOT_FOUND outside the data scope, CONFLICT unless the claim is of the remittance's provider and payer."""
    claims = await claims_db.by_ids(unit.connection, unit.scope, [claim_id])
    if not claims:
        raise not_found("claim", field)
    if (claims[0].provider_cnes, claims[0].payer_ans) != (remittance.provider_cnes, remittance.payer_ans):
        raise conflict("the claim belongs to another provider or payer", field)


async def unmatch(unit: UnitOfWork, *, id: str) -> RemittanceLineRecord:
    """Take back the match of a line that is not posted: it waits in the queue again, as the payer wrote it."""
    remittance, line = await locked(unit, id)
    next_line_status(line.status, RemittanceLineAction.UNMATCH)
    if line.status is RemittanceLineStatus.HELD and line.claim_id is not None:
        # Its claim's lock keeps a posting from taking the held line meanwhile.
        await claims_db.lock(unit.connection, unit.scope, line.claim_id)
        remittance, line = await locked(unit, id)
        next_line_status(line.status, RemittanceLineAction.UNMATCH)
        await unapplied_credits.withdraw(unit, line_id=line.id, reason="the match of its line was taken back")
    problem = RemittanceLineProblem.MATCH_REMOVED
    unmatched = waiting(unit, line, problem=problem, claim_id=None, matched_by=None, resolution=None)
    made = [step for step in await line_history_db.of_line(unit.connection, unit.scope, id) if step.status is MATCHED]
    undone = made[-1].id if made else None
    return await store(unit, remittance, line, unmatched, LineStep.UNMATCH, undoes_id=undone)


async def forget_draft(unit: UnitOfWork, remittances: Sequence[RemittanceRecord], claim_id: str) -> None:
    """Let no line name the draft, which is about to be deleted: lines that it matched wait in the queue again.

    The caller has locked the remittances, all that have a line of this claim.
    """
    lines = await remittances_db.lines_of_claim(unit.connection, claim_id)
    freed = [_without_claim(unit, line) for line in lines]
    await remittances_db.update_lines(unit.connection, freed)
    for remittance in remittances:
        pairs = zip(lines, freed, strict=True)
        waiting = [after for before, after in pairs if before.status is not after.status]
        of_remittance = [line for line in waiting if line.remittance_id == remittance.id]
        await remittances_db.update_remittance(unit.connection, replace(remittance, changed_at=unit.now))
        emit_waiting(unit, remittance, of_remittance, previous=RemittanceLineStatus.MATCHED)


def _without_claim(unit: UnitOfWork, line: RemittanceLineRecord) -> RemittanceLineRecord:
    freed = replace(line, problem=RemittanceLineProblem.UNKNOWN_CLAIM, claim_id=None, matched_by=None, resolution=None)
    return waiting(unit, freed) if line.status is RemittanceLineStatus.MATCHED else freed


async def dismiss(unit: UnitOfWork, *, id: str, reason: str) -> RemittanceLineRecord:
    """Take a waiting line out of the queue, with the reason: nothing of it will be posted unless it is matched."""
    remittance, line = await checked([text_failure(reason, "reason", REASON_LENGTH_MAX)], locked(unit, id))
    dismissed = replace(
        line,
        status=next_line_status(line.status, RemittanceLineAction.DISMISS),
        dismissed_at=unit.now,
        dismissed_by=unit.subject,
        dismissal_reason=reason,
    )
    return await store(unit, remittance, line, dismissed, LineStep.DISMISS, text=reason)


def _undismissed(line: RemittanceLineRecord) -> RemittanceLineRecord:
    return replace(line, dismissed_at=None, dismissed_by=None, dismissal_reason=None)


STORED_LINE: Final = StoredRecord(
    RemittanceLineRecord,
    remittances_db.lines_by_ids,
    *("status", "problem", "claim_id", "matched_by", "posted_at", "dismissed_at", "dismissed_by"),
    *("waiting_since", "assigned_to", "set_aside_until", "resolution"),
    texts=("dismissal_reason",),
)
ONE_LINE: Final = answer_of_one(STORED_LINE)
MATCH: Final = Action(
    "matchRemittanceLine", match, needs="remittances:import", answer=ONE_LINE, offers=RemittanceLineOperation.MATCH
)
UNMATCH: Final = Action(
    "unmatchRemittanceLine",
    unmatch,
    needs="remittances:import",
    answer=ONE_LINE,
    offers=RemittanceLineOperation.UNMATCH,
)
DISMISS: Final = Action(
    "dismissRemittanceLine",
    dismiss,
    needs="remittances:import",
    answer=ONE_LINE,
    offers=RemittanceLineOperation.DISMISS,
    # Matching the line erases it.
    resent=lambda line, given: replace(line, dismissal_reason=given["reason"]),
)
