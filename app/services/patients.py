"""Master data of patients: a provider's staff registers, corrects and deactivates them."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from app.db import parties as parties_db
from app.db import patient_changes as patient_changes_db
from app.db.parties import PatientRecord
from app.domain import ids
from app.domain.errors import BillingError, ErrorCode, Failure, conflict, not_found
from app.domain.identifiers import cpf_failure
from app.domain.parties import PERSON_LENGTH_MAX, PartyAction, deactivated, duplicate
from app.domain.refusals import Refusals, checked
from app.domain.text import text_failure
from app.services import parties
from app.services.party_changes import PartyKind
from app.unit_of_work.action import Action, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

KIND: Final[PartyKind[PatientRecord]] = PartyKind(
    name="Patient",
    write=patient_changes_db.update_patient,
    provider=lambda _patient: None,
    payer=lambda _patient: None,
    facts=lambda patient: {"patientId": patient.id, "mergedInto": patient.merged_into_id},
    patient=lambda patient: patient.id,
)
EARLIEST_BIRTH: Final = date(1880, 1, 1)


@frozen
class PatientForm:
    """A patient as a provider registers it."""

    provider: str
    name: str
    cpf: str | None = None
    birth_date: date | None = None


async def register(unit: UnitOfWork, *, form: PatientForm) -> PatientRecord:
    """Register a patient whom the provider sees from now on; DUPLICATE_PARTY if another patient has the CPF."""
    refusals = Refusals(_failures(unit, form.name, form.cpf, form.birth_date))
    with refusals.also():
        await check_provider(unit, form.provider)
    with refusals.also():
        await _check_cpf(unit, form.cpf, None)
    refusals.raise_any()
    patient = PatientRecord(
        id=ids.new_id(ids.PATIENT, at=unit.now),
        name=form.name.strip(),
        cpf=form.cpf,
        birth_date=form.birth_date,
        version=1,
        deactivated_at=None,
        merged_into_id=None,
    )

    try:
        await patient_changes_db.insert_registered(unit.connection, patient, form.provider)
    except IntegrityError:
        # The check ran without a lock: another caller registered the CPF before this insert.
        raise _known(None) from None
    KIND.note(unit, patient, PartyAction.REGISTER)
    return patient


async def update(unit: UnitOfWork, *, id: str, changes: Mapping[str, Any], version: int | None = None) -> PatientRecord:
    """Correct a person's data: columns of the row that are given; an empty CPF or day of birth becomes unknown."""
    given: dict[str, Any] = {
        name: value.strip() if isinstance(value, str) else value for name, value in changes.items()
    }
    shape = _failures(unit, given.get("name"), given.get("cpf"), given.get("birth_date"))
    before = await checked(shape, locked(unit, id, version))
    cpf = given.get("cpf", before.cpf)
    if cpf != before.cpf:
        await _check_cpf(unit, cpf, id)
        try:
            await patient_changes_db.register_cpf(unit.connection, id, cpf)
        except IntegrityError:
            raise _known(None) from None
    return await KIND.change(unit, before, given, PartyAction.UPDATE)


async def deactivate(unit: UnitOfWork, *, id: str, version: int | None = None) -> PatientRecord:
    """Refuse new claims of the patient; CONFLICT if other providers than the caller's know the patient too."""
    before = await locked(unit, id, version)
    await check_own_alone(unit, id)
    return await KIND.set_active(unit, before, is_active=False)


async def reactivate(unit: UnitOfWork, *, id: str, version: int | None = None) -> PatientRecord:
    """Allow new claims of the patient again."""
    return await KIND.set_active(unit, await locked(unit, id, version), is_active=True)


async def locked(unit: UnitOfWork, patient_id: str, version: int | None, field: str = "id") -> PatientRecord:
    """The patient, locked for a change; NOT_FOUND unless the caller's providers treat the patient."""
    if unit.scope.payer is not None or unit.scope.patient is not None:
        raise not_found("patient", field)
    found = KIND.checked(await patient_changes_db.lock(unit.connection, unit.scope, patient_id), version, field)
    if found.merged_into_id is not None:
        raise conflict("the patient was merged into another: use that one", field)
    return found


async def check_own_alone(unit: UnitOfWork, patient_id: str, field: str = "id") -> None:
    """CONFLICT for what concerns other providers as well: only a caller for all providers may do it."""
    if unit.scope.any_provider:
        return
    if await patient_changes_db.others_who_know(unit.connection, unit.scope.providers, patient_id):
        raise conflict("other providers have this patient too: ask somebody who acts for all of them", field)


async def check_provider(unit: UnitOfWork, provider: str) -> None:
    """NOT_FOUND for a provider outside the data scope, DEACTIVATED for one that is not active."""
    is_in_scope = unit.scope.contains(provider=provider, payer=None, patient=None)
    found = await parties_db.provider(unit.connection, provider) if is_in_scope else None
    if found is None:
        raise BillingError(parties.UNKNOWN_PROVIDER)
    if not found.is_active:
        raise BillingError(deactivated("provider", "provider"))


def _failures(unit: UnitOfWork, name: str | None, cpf: str | None, birth_date: date | None) -> list[Failure | None]:
    found = [text_failure(name, "name", PERSON_LENGTH_MAX), None if cpf is None else cpf_failure(cpf, "cpf")]
    if birth_date is not None and not EARLIEST_BIRTH <= birth_date <= unit.today:
        message = "a day of birth is not in the future, and not before 1880"
        found.append(Failure(ErrorCode.INVALID_DATE, message, "birthDate"))
    return found


async def _check_cpf(unit: UnitOfWork, cpf: str | None, patient_id: str | None) -> None:
    if cpf is None:
        return
    others = [each for each in await patient_changes_db.with_cpf(unit.connection, cpf) if each != patient_id]
    if others:
        known = await patient_changes_db.treated_by_id(unit.connection, unit.scope, others)
        raise _known(known[0].id if known else None)


def _known(patient_id: str | None) -> BillingError:
    message = "a patient with this CPF exists: use that one, or look it up by its card"
    return BillingError(duplicate(message, "cpf", patient_id))


STORED_PATIENT: Final = StoredRecord(
    PatientRecord,
    parties_db.patients_by_id,
    *("version", "deactivated_at", "merged_into_id"),
)
PATIENT_ANSWER: Final = answer_of_one(STORED_PATIENT)
REGISTRATION: Final = "patients:register"
REGISTER: Final = Action("registerPatient", register, needs=REGISTRATION, answer=PATIENT_ANSWER)
UPDATE: Final = Action("updatePatient", update, needs=REGISTRATION, answer=PATIENT_ANSWER)
DEACTIVATE: Final = Action("deactivatePatient", deactivate, needs=REGISTRATION, answer=PATIENT_ANSWER)
REACTIVATE: Final = Action("reactivatePatient", reactivate, needs=REGISTRATION, answer=PATIENT_ANSWER)
