"""Emergency access (break-glass) to health data that a role does not see: for a short time, with a reason."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.db import emergency as emergency_db
from app.db import parties as parties_db
from app.db.emergency import EmergencyRecord
from app.domain import ids
from app.domain.errors import ErrorCode, Failure, not_found, raise_any
from app.domain.text import text_failure
from app.unit_of_work.action import Action, StoredRecord, answer_of_one
from app.unit_of_work.unit import Counted, UnitOfWork

MINUTES_MAX: Final = 60
REASON_LENGTH_MIN: Final = 15
REASON_LENGTH_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class EmergencyRequest:
    """Whose data the caller asks for, why, and for how many minutes."""

    patient_id: str
    reason: str
    minutes: int


async def open_access(unit: UnitOfWork, *, request: EmergencyRequest) -> EmergencyRecord:
    """Grant the access; NOT_FOUND for a patient outside the data scope, INVALID_INPUT for a reason too short."""
    raise_any(_failures(request))
    if not await parties_db.patients_by_id(unit.connection, unit.scope, [request.patient_id]):
        raise not_found("patient", "patient")
    ends = unit.now + timedelta(minutes=request.minutes)
    access = EmergencyRecord(
        ids.new_id(ids.EMERGENCY), unit.subject, request.patient_id, request.reason.strip(), unit.now, ends
    )
    await emergency_db.insert_access(unit.connection, access)
    unit.changed(access.id, request.patient_id)
    unit.count(Counted.EMERGENCIES)
    unit.warn("emergency_access", access=access.id, effect="one caller may see the health data of one patient")
    return access


def _failures(request: EmergencyRequest) -> list[Failure | None]:
    found = [text_failure(request.reason, "reason", REASON_LENGTH_MAX, length_min=REASON_LENGTH_MIN)]
    if not 1 <= request.minutes <= MINUTES_MAX:
        found.append(Failure(ErrorCode.INVALID_INPUT, f"minutes must be 1 to {MINUTES_MAX}", "minutes"))
    return found


OPEN: Final = Action(
    "openEmergencyAccess",
    open_access,
    needs="health:break_glass",
    answer=answer_of_one(StoredRecord(EmergencyRecord, emergency_db.by_ids)),
)
