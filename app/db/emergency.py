"""Queries on emergency access (break-glass): who may read whose health data for a short time, and why."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Select, case, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.access_log_tables import emergency_accesses
from app.db.counting import CANDIDATES_MAX, row_count
from app.db.engine import fetch_one, run
from app.db.filters import Condition
from app.db.pages import NONE, Chosen, Others
from app.db.paging import Keyset
from app.db.records import columns
from app.db.reference_tables import patients
from app.db.scoping import patients_in
from app.db.statements import query, query_total
from app.domain.data_scope import DataScope
from app.values.frozen import frozen


@frozen
class EmergencyRecord:
    """One access: health data of one patient, open to one caller from `granted_at` to `expires_at`."""

    id: str
    actor: str
    patient_id: str
    reason: str
    granted_at: datetime
    expires_at: datetime
    closed_by: str | None


@frozen
class EarlierAccesses:
    """A caller's accesses so far: how many are open, how many were granted recently, and the serial of the last."""

    open: int
    recent: int
    last_serial: int


EMERGENCY = columns(emergency_accesses, EmergencyRecord)
_ASKED_MAX: Final = CANDIDATES_MAX // 10
"""The claims and the checks of each patient are read."""


async def insert_access(connection: AsyncConnection, access: EmergencyRecord, *, serial: int) -> None:
    """Store a new access, the caller's `serial`-th; IntegrityError if another request has stored that one."""
    values = {column.name: getattr(access, column.name) for column in EMERGENCY}
    await connection.execute(insert(emergency_accesses).values(**values, serial=serial))


async def close(connection: AsyncConnection, access: EmergencyRecord) -> bool:
    """Store the new end of an access and who closed it; False if it had ended before."""
    table = emergency_accesses.c
    statement = update(emergency_accesses).where(table.id == access.id, table.expires_at > access.expires_at)
    return bool(await run(connection, statement.values(expires_at=access.expires_at, closed_by=access.closed_by)))


async def of_caller(connection: AsyncConnection, actor: str, *, since: datetime, now: datetime) -> EarlierAccesses:
    """The caller's accesses: those open at `now`, those granted after `since`, and the last serial (0 for none)."""
    table = emergency_accesses.c
    query = select(
        func.count(case((table.expires_at > now, 1))),
        func.count(case((table.granted_at > since, 1))),
        func.coalesce(func.max(table.serial), 0),
    ).where(table.actor == actor)
    return await fetch_one(connection, query, EarlierAccesses) or EarlierAccesses(0, 0, 0)


def _visible(scope: DataScope, *selected: ColumnElement[Any]) -> Select[Any]:
    """Accesses to patients of the scope."""
    return select(*selected).select_from(_with_patient(emergency_accesses)).where(_in_scope(scope))


@query(EmergencyRecord)
def by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """Accesses of the scope by their ids."""
    return _visible(scope, *EMERGENCY).where(emergency_accesses.c.id.in_(ids))


@query(EmergencyRecord)
def open_of(actor: str, now: datetime) -> Select[Any]:
    """The accesses of this caller that have not expired, the last to expire last."""
    table = emergency_accesses.c
    return select(*EMERGENCY).where(table.actor == actor, table.expires_at > now).order_by(table.expires_at)


@query(EmergencyRecord)
def page(scope: DataScope, keyset: Keyset) -> Select[Any]:
    """All accesses ever granted to patients of the scope."""
    return keyset.apply(_visible(scope, *EMERGENCY))


@query_total(row_count)
def count(scope: DataScope, most: int = _ASKED_MAX) -> Select[Any]:
    """How many accesses were ever granted to patients of the scope; of at most so many it is asked whose they are."""
    table = emergency_accesses.c
    others = Others(
        (table.id, table.patient_id),
        _with_patient,
        [patients.c.id],
        lambda _access: [_in_scope(scope)],
    )
    return Chosen(emergency_accesses, [], others=NONE if scope.is_everything else others, newest=table.id).count(most)


def _with_patient(access: FromClause) -> FromClause:
    return access.join(patients, patients.c.id == access.c.patient_id)


def _in_scope(scope: DataScope) -> Condition:
    """Whether the patient of `_with_patient` is within the scope."""
    return patients_in(scope)
