"""Emergency access (break-glass) to health data that a role does not see: for a short time, with a reason.

A caller has one open access at a time, and only a few in 24 hours: whoever opens the data of patient after patient is
reading a list, not treating an emergency.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from sqlalchemy.exc import IntegrityError

from app.db import emergency as emergency_db
from app.db import parties as parties_db
from app.db.emergency import EarlierAccesses, EmergencyRecord
from app.domain import ids
from app.domain.errors import BillingError, ErrorCode, Failure, conflict, not_found, raise_any, refuse
from app.domain.reasons import reason_failure
from app.unit_of_work.action import Action, StoredRecord, answer_of_one
from app.unit_of_work.unit import Counted, UnitOfWork
from app.values.frozen import frozen

MINUTES_MAX: Final = 60
REASON_LENGTH_MIN: Final = 15
REASON_LENGTH_MAX: Final = 500
PERIOD: Final = timedelta(hours=24)
REVIEW: Final = "emergencies:read"
"""The permission of those who review all accesses; it lets them close others' too."""


@frozen
class EmergencyRequest:
    """Whose data the caller asks for, why, and for how many minutes."""

    patient_id: str
    reason: str
    minutes: int


async def open_access(unit: UnitOfWork, *, request: EmergencyRequest, allowed: int) -> EmergencyRecord:
    """Grant the access, at most `allowed` to one caller in 24 hours.

    NOT_FOUND for a patient outside the data scope, INVALID_INPUT for a reason that says nothing, CONFLICT while another
    access of the caller is open, EMERGENCY_LIMIT after too many.
    """
    found = await parties_db.patients_by_any_id(unit.connection, unit.scope, [request.patient_id])
    unknown = () if found else not_found("patient", "patient").failures
    raise_any([*_failures(request), *unknown])
    patient = found[request.patient_id].id
    ends = unit.now + timedelta(minutes=request.minutes)
    earlier = await emergency_db.of_caller(unit.connection, unit.subject, since=unit.now - PERIOD, now=unit.now)
    _check_earlier(earlier, allowed)
    access = EmergencyRecord(
        ids.new_id(ids.EMERGENCY), unit.subject, patient, request.reason.strip(), unit.now, ends, None
    )
    try:
        await emergency_db.insert_access(unit.connection, access, serial=earlier.last_serial + 1)
    except IntegrityError:
        # The check ran without a lock: the caller's other request was faster.
        raise _is_open() from None
    unit.changed(access.id, patient)
    unit.count(Counted.EMERGENCIES)
    unit.warn("emergency_access", access=access.id, effect="one caller may see the health data of one patient")
    return access


async def close_access(unit: UnitOfWork, *, id: str) -> EmergencyRecord:
    """End an open access now: the caller's own, or anybody's for callers who review them; CONFLICT if it has ended."""
    found = await emergency_db.by_ids(unit.connection, unit.scope, [id])
    is_reviewing = REVIEW in unit.actor.permissions
    if not found or not (is_reviewing or found[0].actor == unit.subject):
        raise not_found("emergency access")
    closed = replace(found[0], expires_at=unit.now, closed_by=unit.subject)
    if not await emergency_db.close(unit.connection, closed):
        raise conflict("the emergency access has ended already")
    unit.changed(closed.id, closed.patient_id)
    return closed


def _check_earlier(earlier: EarlierAccesses, allowed: int) -> None:
    if earlier.open:
        raise _is_open()
    if earlier.recent >= allowed:
        message = f"you may open {allowed} emergency accesses in 24 hours: ask a colleague, or an administrator"
        raise refuse(ErrorCode.EMERGENCY_LIMIT, message)


def _is_open() -> BillingError:
    return conflict("your last emergency access is still open: close it first", "patient")


def _failures(request: EmergencyRequest) -> list[Failure | None]:
    found = [
        reason_failure(request.reason, "reason", length_min=REASON_LENGTH_MIN, length_max=REASON_LENGTH_MAX),
    ]
    if not 1 <= request.minutes <= MINUTES_MAX:
        found.append(Failure(ErrorCode.INVALID_INPUT, f"minutes must be 1 to {MINUTES_MAX}", "minutes"))
    return found


_ONE: Final = answer_of_one(StoredRecord(EmergencyRecord, emergency_db.by_ids, *("expires_at", "closed_by")))
OPEN: Final = Action("openEmergencyAccess", open_access, needs="health:break_glass", answer=_ONE)
CLOSE: Final = Action("closeEmergencyAccess", close_access, needs="emergencies:close", answer=_ONE)
