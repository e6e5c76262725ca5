"""Patients that were merged: the id of each leads to the one that stayed, and everything of it belongs to that one."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, CompoundSelect, Select, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.access_log_tables import emergency_accesses
from app.db.engine import batches, run
from app.db.filters import Condition
from app.db.party_tables import patient_registrations
from app.db.reference_tables import coverages, eligibility_checks, patients
from app.db.statements import query, query_pairs
from app.db.tables import claims, outbox

_ASKED: Final = patients.alias("asked_patient")


def same_patient(column: ColumnElement[str], patient_id: str) -> Condition:
    """Whether the column names the patient with this id, or the one into which that patient was merged."""
    return column.in_(select(func.coalesce(_ASKED.c.merged_into_id, _ASKED.c.id)).where(_ASKED.c.id == patient_id))


@query_pairs(str)
def survivors(patient_ids: Sequence[str]) -> Select[Any]:
    """The patients into which these were merged, by the ids of those that were; without a data scope."""
    table = patients.c
    return select(table.id, table.merged_into_id).where(table.id.in_(patient_ids), table.merged_into_id.is_not(None))


@query(str)
def all_ids(patient_id: str) -> CompoundSelect[Any]:
    """All ids under which this patient was known."""
    asked = select(func.coalesce(_ASKED.c.merged_into_id, _ASKED.c.id)).where(_ASKED.c.id == patient_id)
    stayed = asked.scalar_subquery()
    # Two selects, for one with OR reads all patients.
    own, merged = (select(patients.c.id).where(each == stayed) for each in (patients.c.id, patients.c.merged_into_id))
    return own.union_all(merged)


@query(str)
def held_patient(coverage_id: str) -> Select[Any]:
    """Whose coverage it is, and stays until the transaction ends: a merge waits, or is done."""
    return select(coverages.c.patient_id).where(coverages.c.id == coverage_id).with_for_update(read=True)


async def move_coverages(connection: AsyncConnection, merged: str, survivor: str) -> None:
    """The cards of a merged patient belong to the one that stays."""
    await run(connection, update(coverages).where(coverages.c.patient_id == merged).values(patient_id=survivor))


async def move_rest(connection: AsyncConnection, merged: str, survivor: str) -> None:
    """Claims, eligibility checks, emergency accesses and earlier merges too; the providers of both see the patient."""
    await move_coverages(connection, merged, survivor)
    for table in (claims, eligibility_checks, emergency_accesses):
        await run(connection, update(table).where(table.c.patient_id == merged).values(patient_id=survivor))
    earlier = update(patients).where(patients.c.merged_into_id == merged)
    await run(connection, earlier.values(merged_into_id=survivor))
    theirs, known = patient_registrations.c, patient_registrations.alias("known").c
    has = select(known.patient_id).where(known.patient_id == survivor, known.provider_cnes == theirs.provider_cnes)
    chosen = select(literal(survivor), theirs.provider_cnes).where(theirs.patient_id == merged, ~has.exists())
    await run(connection, insert(patient_registrations).from_select(["patient_id", "provider_cnes"], chosen))


async def move_events(connection: AsyncConnection, claim_ids: Sequence[str], survivor: str) -> None:
    """What was recorded of these claims is replayed to the patient that stays."""
    for batch in batches(claim_ids):
        of_claims = update(outbox).where(outbox.c.aggregate_id.in_(batch), outbox.c.patient_id.is_not(None))
        await run(connection, of_claims.values(patient_id=survivor))


@query(str)
def lock_claims(patient_ids: Sequence[str]) -> Select[Any]:
    """The ids of all claims of these patients, locked in their order until the transaction ends."""
    return select(claims.c.id).where(claims.c.patient_id.in_(patient_ids)).order_by(claims.c.id).with_for_update()
