"""What every step of a line has in common: its lock, its row, its history, its remittance's status and its events."""

from dataclasses import replace
from typing import Any, Final

from app.db import claims as claims_db
from app.db import remittances as remittances_db
from app.db.line_history import LineStepRecord
from app.db.remittances import RemittanceLineRecord, RemittanceRecord
from app.domain import ids
from app.domain.errors import not_found
from app.domain.line_work import LineStep
from app.domain.remittances import RemittanceLineStatus, RemittanceStatus, remittance_status
from app.events.contracts import remittance_event
from app.events.queue_events import line_event
from app.services import statement_deductions
from app.services.remittances import emit_waiting
from app.unit_of_work.unit import UnitOfWork

FROM_LINES: Final = frozenset({RemittanceStatus.IMPORTED, RemittanceStatus.PARTIALLY_POSTED, RemittanceStatus.POSTED})
"""Statuses that follow from those of the lines."""


async def locked(unit: UnitOfWork, line_id: str) -> tuple[RemittanceRecord, RemittanceLineRecord]:
    """The line, with its remittance locked; NOT_FOUND outside the data scope."""
    # Read without the lock only to find the remittance; read again under the lock, as it may have changed.
    seen = await remittances_db.line(unit.connection, unit.scope, line_id)
    remittance = await remittances_db.lock(unit.connection, unit.scope, seen.remittance_id) if seen else None
    line = await remittances_db.line(unit.connection, unit.scope, line_id) if remittance else None
    if remittance is None or line is None:
        raise not_found("remittance line")
    return remittance, line


def waiting(unit: UnitOfWork, line: RemittanceLineRecord, **changes: Any) -> RemittanceLineRecord:
    """The line as it waits from now on."""
    return replace(line, status=RemittanceLineStatus.UNMATCHED, waiting_since=unit.now, **changes)


async def store(
    unit: UnitOfWork,
    remittance: RemittanceRecord,
    before: RemittanceLineRecord,
    after: RemittanceLineRecord,
    step: LineStep,
    *,
    text: str | None = None,
    other_id: str | None = None,
    undoes_id: str | None = None,
) -> RemittanceLineRecord:
    """Write the line as it is after the step, the history, the remittance's status and the events."""
    await statement_deductions.of_dismissal(unit, remittance, before, after)
    await remittances_db.update_lines(unit.connection, [after])
    unit.step(_record(unit, before, after, step, text=text, other_id=other_id, undoes_id=undoes_id))
    changed = await store_status(unit, remittance)
    unit.emit(line_event(changed, after, step, previous=before.status, at=unit.now))
    if before.status is not after.status:
        emit_waiting(unit, changed, [after], previous=before.status)
    unit.changed(after.id, await patient_of(unit, after.claim_id or before.claim_id))
    return after


async def store_status(unit: UnitOfWork, remittance: RemittanceRecord) -> RemittanceRecord:
    """Write the status that follows from the lines of the remittance, with the event if it is closed or open again."""
    if remittance.status not in FROM_LINES:
        await remittances_db.update_remittance(unit.connection, replace(remittance, changed_at=unit.now))
        return remittance
    status = remittance_status(await remittances_db.line_statuses(unit.connection, remittance.id))
    changed = replace(remittance, status=status, changed_at=unit.now)
    await remittances_db.update_remittance(unit.connection, changed)
    if status is RemittanceStatus.POSTED:
        await statement_deductions.keep_excess(unit, changed)
    if status is not remittance.status and RemittanceStatus.POSTED in (status, remittance.status):
        name = "RemittanceClosed" if status is RemittanceStatus.POSTED else "RemittanceReopened"
        unit.emit(remittance_event(name, changed, at=unit.now))
    return changed


async def patient_of(unit: UnitOfWork, claim_id: str | None) -> str | None:
    """The patient of a claim, for the access log."""
    if claim_id is None:
        return None
    return (await claims_db.patients_of(unit.connection, unit.scope, [claim_id])).get(claim_id)


def _record(
    unit: UnitOfWork,
    before: RemittanceLineRecord,
    after: RemittanceLineRecord,
    step: LineStep,
    *,
    text: str | None,
    other_id: str | None,
    undoes_id: str | None,
) -> LineStepRecord:
    return LineStepRecord(
        id=ids.new_id(ids.REMITTANCE_LINE_HISTORY),
        line_id=after.id,
        action=step,
        undoes_id=undoes_id,
        status=after.status,
        problem=after.problem,
        claim_id=after.claim_id,
        assigned_to=after.assigned_to,
        set_aside_until=after.set_aside_until,
        resolution=after.resolution,
        other_id=other_id,
        text=text,
        problem_before=before.problem,
        claim_id_before=before.claim_id,
        matched_by_before=before.matched_by,
        assigned_to_before=before.assigned_to,
        set_aside_before=before.set_aside_until,
        resolution_before=before.resolution,
        actor=unit.subject,
        at=unit.now,
    )
