"""Emergency access (break-glass): health data that a role does not see, for a short time and a stated reason."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.db import emergency as emergency_db
from app.db import parties as parties_db
from app.db.emergency import EmergencyRecord
from app.domain import ids
from app.domain.errors import ErrorCode, Failure, raise_any, refuse
from app.domain.text import text_failure
from app.unit_of_work.action import Action, StoredRecord, answer_of_one
from app.unit_of_work.unit import Counted, UnitOfWork

MINUTES_MAX: Final = 60
REASON_LENGTH_MIN: Final = 15
REASON_LENGTH_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class EmergencyData:
    """What the caller asks for: whose data, why, and for how many minutes."""

    patient_id: str
    reason: str
    minutes: int


async def open_access(unit: UnitOfWork, *, data: EmergencyData) -> EmergencyRecord:
    """Grant the access; NOT_FOUND for a patient outside the data scope, INVALID_INPUT for a reason too short."""
    raise_any(_failures(data))
    if not await parties_db.patients_by_id(unit.connection, unit.scope, [data.patient_id]):
        raise refuse(ErrorCode.NOT_FOUND, f"no patient {data.patient_id}", "patient")
    ends = unit.now + timedelta(minutes=data.minutes)
    access = EmergencyRecord(
        ids.new_id(ids.EMERGENCY), unit.subject, data.patient_id, data.reason.strip(), unit.now, ends
    )
    await emergency_db.insert_access(unit.connection, access)
    unit.changed(access.id, data.patient_id)
    unit.count(Counted.EMERGENCIES)
    unit.warn("emergency_access", access=access.id, effect="one caller may see the health data of one patient")
    return access


def _failures(data: EmergencyData) -> list[Failure | None]:
    found = [text_failure(data.reason, "reason", REASON_LENGTH_MAX)]
    if len(data.reason.strip()) < REASON_LENGTH_MIN:
        message = f"say in at least {REASON_LENGTH_MIN} characters why this cannot wait for somebody who may see it"
        found.append(Failure(ErrorCode.INVALID_INPUT, message, "reason"))
    if not 1 <= data.minutes <= MINUTES_MAX:
        found.append(Failure(ErrorCode.INVALID_INPUT, f"minutes must be 1 to {MINUTES_MAX}", "minutes"))
    return [failure for failure in found if failure is not None]


OPEN: Final = Action(
    "openEmergencyAccess",
    open_access,
    needs="health:break_glass",
    answer=answer_of_one(StoredRecord(EmergencyRecord, emergency_db.by_ids)),
)
