"""Lines of a payer's statement by hand: matched to a claim, unmatched again, or dismissed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy.exc import IntegrityError

from app.db import claims as claims_db
from app.db import remittances as remittances_db
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.domain.actions import RemittanceLineOperation
from app.domain.errors import conflict, not_found, raise_any
from app.domain.remittances import (
    RemittanceLineAction,
    RemittanceLineProblem,
    RemittanceLineStatus,
    RemittanceStatus,
    next_line_status,
    remittance_status,
)
from app.domain.text import text_failure
from app.events.contracts import remittance_event
from app.services.remittances import REASON_LENGTH_MAX, emit_waiting
from app.unit_of_work.action import Action, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork


async def match(unit: UnitOfWork, *, id: str, claim_id: str) -> RemittanceLineRecord:
    """Assign a waiting or dismissed line to a claim by hand."""
    remittance, line = await _locked(unit, id)
    status = next_line_status(line.status, RemittanceLineAction.MATCH)
    claims = await claims_db.by_ids(unit.connection, unit.scope, [claim_id])
    if not claims:
        raise not_found("claim", "claimId")
    if (claims[0].provider_cnes, claims[0].payer_ans) != (remittance.provider_cnes, remittance.payer_ans):
        raise conflict("the claim belongs to another provider or payer", "claimId")
    matched = replace(_undismissed(line), status=status, problem=None, claim_id=claim_id, matched_by=unit.subject)
    try:
        await _store(unit, remittance, matched, "RemittanceReopened")
    except IntegrityError:
        # The claim was a draft, and was deleted after it was read.
        raise not_found("claim", "claimId") from None
    unit.changed(matched.id, claims[0].patient_id)
    return matched


async def unmatch(unit: UnitOfWork, *, id: str) -> RemittanceLineRecord:
    """Take back the match of a line that is not posted: it waits in the queue again."""
    remittance, line = await _locked(unit, id)
    status = next_line_status(line.status, RemittanceLineAction.UNMATCH)
    patient = await _patient(unit, line)
    unmatched = replace(
        line, status=status, problem=RemittanceLineProblem.MATCH_REMOVED, claim_id=None, matched_by=None
    )
    await remittances_db.update_lines(unit.connection, [unmatched])
    await remittances_db.update_remittance(unit.connection, replace(remittance, changed_at=unit.now))
    emit_waiting(unit, remittance, [unmatched], previous=line.status)
    unit.changed(unmatched.id, patient)
    return unmatched


async def forget_draft(unit: UnitOfWork, remittances: Sequence[RemittanceRecord], claim_id: str) -> None:
    """Let no line name the draft, which is about to be deleted: lines that it matched wait in the queue again.

    The caller has locked the remittances, all that have a line of this claim.
    """
    lines = await remittances_db.lines_of_claim(unit.connection, claim_id)
    freed = [_without_claim(line) for line in lines]
    await remittances_db.update_lines(unit.connection, freed)
    for remittance in remittances:
        pairs = zip(lines, freed, strict=True)
        waiting = [after for before, after in pairs if before.status is not after.status]
        of_remittance = [line for line in waiting if line.remittance_id == remittance.id]
        await remittances_db.update_remittance(unit.connection, replace(remittance, changed_at=unit.now))
        emit_waiting(unit, remittance, of_remittance, previous=RemittanceLineStatus.MATCHED)


def _without_claim(line: RemittanceLineRecord) -> RemittanceLineRecord:
    is_matched = line.status is RemittanceLineStatus.MATCHED
    status = next_line_status(line.status, RemittanceLineAction.UNMATCH) if is_matched else line.status
    return replace(line, status=status, problem=RemittanceLineProblem.UNKNOWN_CLAIM, claim_id=None, matched_by=None)


async def dismiss(unit: UnitOfWork, *, id: str, reason: str) -> RemittanceLineRecord:
    """Take a waiting line out of the queue, with the reason: nothing of it will be posted unless it is matched."""
    raise_any([text_failure(reason, "reason", REASON_LENGTH_MAX)])
    remittance, line = await _locked(unit, id)
    dismissed = replace(
        line,
        status=next_line_status(line.status, RemittanceLineAction.DISMISS),
        dismissed_at=unit.now,
        dismissed_by=unit.subject,
        dismissal_reason=reason,
    )
    await _store(unit, remittance, dismissed, "RemittanceClosed")
    unit.changed(dismissed.id, await _patient(unit, line))
    return dismissed


async def _locked(unit: UnitOfWork, line_id: str) -> tuple[RemittanceRecord, RemittanceLineRecord]:
    """The line, with its remittance locked; NOT_FOUND outside the data scope."""
    # Read without the lock only to find the remittance; read again under the lock, as it may have changed.
    seen = await remittances_db.line(unit.connection, unit.scope, line_id)
    remittance = await remittances_db.lock(unit.connection, unit.scope, seen.remittance_id) if seen else None
    line = await remittances_db.line(unit.connection, unit.scope, line_id) if remittance else None
    if remittance is None or line is None:
        raise not_found("remittance line")
    return remittance, line


def _undismissed(line: RemittanceLineRecord) -> RemittanceLineRecord:
    return replace(line, dismissed_at=None, dismissed_by=None, dismissal_reason=None)


async def _patient(unit: UnitOfWork, line: RemittanceLineRecord) -> str | None:
    if line.claim_id is None:
        return None
    return (await claims_db.patients_of(unit.connection, unit.scope, [line.claim_id])).get(line.claim_id)


async def _store(unit: UnitOfWork, remittance: RemittanceRecord, line: RemittanceLineRecord, event: str) -> None:
    """Write the line and its remittance, with the event if that has another status now."""
    await remittances_db.update_lines(unit.connection, [line])
    status = remittance.status
    if status not in (RemittanceStatus.REVIEW, RemittanceStatus.POSTING):
        status = remittance_status(await remittances_db.line_statuses(unit.connection, remittance.id))
    changed = replace(remittance, status=status, changed_at=unit.now)
    await remittances_db.update_remittance(unit.connection, changed)
    if status is not remittance.status:
        unit.emit(remittance_event(event, changed, at=unit.now))


_ONE: Final = answer_of_one(
    StoredRecord(
        RemittanceLineRecord,
        remittances_db.lines_by_ids,
        *("status", "problem", "claim_id", "matched_by", "posted_at", "dismissed_at", "dismissed_by"),
        texts=("dismissal_reason",),
    )
)
MATCH: Final = Action(
    "matchRemittanceLine", match, needs="remittances:import", answer=_ONE, offers=RemittanceLineOperation.MATCH
)
UNMATCH: Final = Action(
    "unmatchRemittanceLine", unmatch, needs="remittances:import", answer=_ONE, offers=RemittanceLineOperation.UNMATCH
)
DISMISS: Final = Action(
    "dismissRemittanceLine",
    dismiss,
    needs="remittances:import",
    answer=_ONE,
    offers=RemittanceLineOperation.DISMISS,
    # Matching the line erases it.
    resent=lambda line, given: replace(line, dismissal_reason=given["reason"]),
)
