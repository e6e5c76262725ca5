"""Statements that contradict themselves or the claims: a person releases them, with the reason."""

from dataclasses import replace
from typing import Final

from app.db import remittances as remittances_db
from app.db.remittances import RemittanceRecord
from app.domain.actions import RemittanceOperation
from app.domain.refusals import checked
from app.domain.remittance_checks import check_release
from app.domain.remittances import RemittanceStatus, remittance_status
from app.domain.text import text_failure
from app.events.contracts import remittance_event
from app.services import remittances, statement_deductions
from app.services.remittances import ONE_REMITTANCE, REASON_LENGTH_MAX
from app.unit_of_work.action import Action
from app.unit_of_work.unit import UnitOfWork


async def release(unit: UnitOfWork, *, id: str, reason: str) -> RemittanceRecord:
    """Let the statement be posted although it contradicts itself or the claims; CONFLICT unless it is in REVIEW."""
    remittance = await checked([text_failure(reason, "reason", REASON_LENGTH_MAX)], remittances.locked(unit, id))
    check_release(remittance.status)
    released = replace(
        remittance,
        status=remittance_status(await remittances_db.line_statuses(unit.connection, id)),
        released_at=unit.now,
        released_by=unit.subject,
        release_reason=reason,
        changed_at=unit.now,
    )
    await remittances_db.update_remittance(unit.connection, released)
    if released.status is RemittanceStatus.POSTED:
        # All of its lines were dismissed in review.
        await statement_deductions.keep_excess(unit, released)
    unit.emit(remittance_event("RemittanceReleased", released, at=unit.now))
    unit.changed(released.id)
    return released


RELEASE: Final = Action(
    "releaseRemittance",
    release,
    needs="remittances:post",
    answer=ONE_REMITTANCE,
    offers=RemittanceOperation.RELEASE,
)
