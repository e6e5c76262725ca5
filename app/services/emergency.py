"""Emergency access (break-glass): health data that a role does not see, for a short time and a stated reason."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import emergency as emergency_db
from app.db import parties as coverage_db
from app.db.emergency import EmergencyRecord
from app.domain import ids
from app.domain.data_scope import DataScope
from app.domain.errors import ErrorCode, Failure, raise_any, refuse
from app.domain.text import text_failure

MINUTES_MAX: Final = 60
REASON_LENGTH_MIN: Final = 15
REASON_LENGTH_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class EmergencyData:
    """What the caller asks for: whose data, why, and for how many minutes."""

    patient_id: str
    reason: str
    minutes: int


async def open_access(
    connection: AsyncConnection, *, data: EmergencyData, scope: DataScope, subject: str, now: datetime
) -> EmergencyRecord:
    """Grant the access; NOT_FOUND for a patient outside of the scope, INVALID_INPUT for a reason that is none."""
    raise_any(_failures(data))
    if not await coverage_db.patients_by_id(connection, scope, [data.patient_id]):
        raise refuse(ErrorCode.NOT_FOUND, f"no patient {data.patient_id}", "patient")
    ends = now + timedelta(minutes=data.minutes)
    access = EmergencyRecord(ids.new_id(ids.EMERGENCY), subject, data.patient_id, data.reason.strip(), now, ends)
    await emergency_db.insert_access(connection, access)
    return access


def _failures(data: EmergencyData) -> list[Failure | None]:
    found = [text_failure(data.reason, "reason", REASON_LENGTH_MAX)]
    if len(data.reason.strip()) < REASON_LENGTH_MIN:
        message = f"say in at least {REASON_LENGTH_MIN} characters why this cannot wait for somebody who may see it"
        found.append(Failure(ErrorCode.INVALID_INPUT, message, "reason"))
    if not 1 <= data.minutes <= MINUTES_MAX:
        found.append(Failure(ErrorCode.INVALID_INPUT, f"minutes must be 1 to {MINUTES_MAX}", "minutes"))
    return found
