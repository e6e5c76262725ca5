"""Cards that a claim names first: the person and the coverage are created from the little that the claim says."""

from typing import Final

from sqlalchemy.exc import IntegrityError

from app.db import merged_patients as merged_patients_db
from app.db import parties as parties_db
from app.db.parties import CoverageRecord, PatientRecord
from app.domain import ids
from app.domain.claim_form import ClaimForm
from app.domain.eligibility import UNKNOWN_START
from app.domain.errors import BillingError, conflict
from app.domain.parties import PartyAction
from app.services import coverages, patients
from app.unit_of_work.unit import UnitOfWork

UNKNOWN_NAME: Final = ""
"""The name of a patient whom no guide and no person has named; the API shows null."""


async def patient_of(unit: UnitOfWork, form: ClaimForm, coverage: CoverageRecord | None) -> str:
    """The id of whoever has the card: until the commit no merge takes the card away, and one that is done is heeded."""
    found = await coverage_of(unit, form, coverage)
    (patient,) = await merged_patients_db.held_patient(unit.connection, found.id)
    return patient


async def coverage_of(
    unit: UnitOfWork, form: ClaimForm, coverage: CoverageRecord | None, name: str | None = None
) -> CoverageRecord:
    """The coverage of the card, created for a person of this name if there is none yet."""
    if coverage is not None:
        return coverage
    unit.is_card_unknown = True
    try:
        async with unit.attempt():
            return await _create(unit, form, name or UNKNOWN_NAME)
    except BillingError:
        # Another claim with the card was first: its person is the one.
        found = await parties_db.coverage_of_card(unit.connection, form.payer, form.card_number)
        if found is None:
            raise
        return found


async def _create(unit: UnitOfWork, form: ClaimForm, name: str) -> CoverageRecord:
    patient = PatientRecord(
        id=ids.new_id(ids.PATIENT, at=unit.now),
        name=name,
        cpf=None,
        birth_date=None,
        version=1,
        deactivated_at=None,
        merged_into_id=None,
    )
    coverage = _coverage(unit, form, patient.id)
    await parties_db.insert_patients(unit.connection, [patient])
    try:
        await parties_db.insert_coverages(unit.connection, [coverage])
    except IntegrityError:
        raise conflict("another claim has just named this card: try again", "cardNumber") from None
    patients.KIND.note(unit, patient, PartyAction.REGISTER)
    coverages.KIND.note(unit, coverage, PartyAction.REGISTER)
    return coverage


def _coverage(unit: UnitOfWork, form: ClaimForm, patient_id: str) -> CoverageRecord:
    return CoverageRecord(
        id=ids.new_id(ids.COVERAGE, at=unit.now),
        patient_id=patient_id,
        payer_ans=form.payer,
        plan_name="",
        card_number=form.card_number,
        starts_on=UNKNOWN_START,
        ends_on=None,
        card_valid_until=None,
        waiting_until=None,
        suspended_from=None,
        suspended_until=None,
        version=1,
    )
