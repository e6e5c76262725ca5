"""Merging two patients that are one person: one stays, the other leads to it, and everything of it follows."""

from typing import Any, Final

from app.db import merged_patients as merged_patients_db
from app.db import patient_changes as patient_changes_db
from app.db.parties import PatientRecord
from app.domain.errors import ErrorCode, conflict, not_found, refuse
from app.domain.parties import PartyAction
from app.services import patients
from app.services.patients import KIND, STORED_PATIENT
from app.unit_of_work.action import Action, answer_of_one
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen


@frozen
class _Pair:
    """The patient that stays and the one that is merged into it."""

    stays: PatientRecord
    merged: PatientRecord


async def merge(unit: UnitOfWork, *, id: str, merged: str, version: int | None = None) -> PatientRecord:
    """Merge the second patient into the first; there is no way back.

    NOT_FOUND unless the caller's providers treat both, CONFLICT if other providers know one of them, if one was merged
    before, or if their CPFs differ: then they are two persons.
    """
    if id == merged:
        raise refuse(ErrorCode.INVALID_INPUT, "name two different patients", "merged")
    await _require_visible(unit, id, merged)
    # Claims before patients, as whoever creates or replaces a claim locks them; a claim that is created meanwhile waits
    # for the cards, and then belongs to the patient that stays.
    claim_ids = await merged_patients_db.lock_claims(unit.connection, [merged])
    await merged_patients_db.move_coverages(unit.connection, merged, id)
    pair = await _locked(unit, id, merged, version)
    await merged_patients_db.move_rest(unit.connection, merged, id)
    await merged_patients_db.move_events(unit.connection, claim_ids, id)
    return await _store(unit, pair)


async def _require_visible(unit: UnitOfWork, stays: str, merged: str) -> None:
    if unit.scope.payer is not None or unit.scope.patient is not None:
        raise not_found("patient")
    found = {each.id for each in await patient_changes_db.treated_by_id(unit.connection, unit.scope, [stays, merged])}
    for each, field in ((stays, "id"), (merged, "merged")):
        if each not in found:
            raise not_found("patient", field)


async def _locked(unit: UnitOfWork, stays: str, merged: str, version: int | None) -> _Pair:
    """Both, locked in the order of their ids; refused if they cannot be merged."""
    fields = {stays: ("id", version), merged: ("merged", None)}
    locked = {}
    for each in sorted(fields):
        field, seen = fields[each]
        # The cards have moved already, so the claims of this transaction are no way to see the patient: the row is.
        found = await patient_changes_db.lock_row(unit.connection, each)
        locked[each] = KIND.checked(found, seen, field)
        if locked[each].merged_into_id is not None:
            raise conflict("the patient was merged into another: use that one", field)
        await patients.check_own_alone(unit, each, field)
    pair = _Pair(locked[stays], locked[merged])
    if None not in (pair.stays.cpf, pair.merged.cpf) and pair.stays.cpf != pair.merged.cpf:
        raise conflict("the patients have different CPFs: correct the wrong one first", "merged")
    return pair


async def _store(unit: UnitOfWork, pair: _Pair) -> PatientRecord:
    """Write both rows, the step of each, and their events; what the one that stays lacks comes from the other."""
    stays, merged = pair.stays, pair.merged
    await patient_changes_db.register_cpf(unit.connection, merged.id, None)
    gone = {"merged_into_id": stays.id, "deactivated_at": merged.deactivated_at or unit.now}
    await KIND.change(unit, merged, gone, PartyAction.MERGE, other_id=stays.id)
    known: dict[str, Any] = {"cpf": stays.cpf or merged.cpf, "birth_date": stays.birth_date or merged.birth_date}
    if known["cpf"] != stays.cpf:
        await patient_changes_db.register_cpf(unit.connection, stays.id, known["cpf"])
    return await KIND.change(unit, stays, known, PartyAction.MERGE, other_id=merged.id, is_always=True)


MERGE: Final = Action(
    "mergePatients",
    merge,
    needs="patients:merge",
    answer=answer_of_one(STORED_PATIENT),
    aggregates=lambda arguments: [arguments["id"], arguments["merged"]],
)
