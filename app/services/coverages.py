"""Master data of coverages: the cards of patients at their payers."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from app.db import parties as parties_db
from app.db import patient_changes as patient_changes_db
from app.db.parties import CoverageRecord, PatientRecord
from app.domain import ids
from app.domain.eligibility import CoverageTerms
from app.domain.errors import BillingError, ErrorCode, Failure, check_version, not_found, raise_any
from app.domain.identifiers import ans_failure, card_failure
from app.domain.parties import PLAN_LENGTH_MAX, PartyAction, deactivated, duplicate
from app.domain.refusals import Refusals
from app.domain.text import text_failure
from app.services import parties, patients
from app.services.party_changes import PartyKind
from app.services.patients import REGISTRATION
from app.unit_of_work.action import Action, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

KIND: Final[PartyKind[CoverageRecord]] = PartyKind(
    name="Coverage",
    write=patient_changes_db.update_coverage,
    provider=lambda _coverage: None,
    payer=lambda coverage: coverage.payer_ans,
    facts=lambda coverage: {"coverageId": coverage.id, "patientId": coverage.patient_id},
    patient=lambda coverage: coverage.patient_id,
)


@frozen
class CoverageForm:
    """A card as a provider registers it; every date of the terms includes its own day."""

    patient: str
    payer: str
    card_number: str
    plan_name: str
    terms: CoverageTerms


async def register(unit: UnitOfWork, *, form: CoverageForm) -> CoverageRecord:
    """Register a card of a patient; DUPLICATE_PARTY if the payer has the card already, for whomever."""
    shape = [ans_failure(form.payer, "payer"), card_failure(form.card_number, "cardNumber")]
    refusals = Refusals([*shape, *_failures(form.plan_name, form.terms)])
    with refusals.also():
        patient = await _active_patient(unit, form.patient)
    with refusals.also():
        await _check_payer(unit, form.payer)
    with refusals.also():
        await _check_card(unit, form.payer, form.card_number)
    refusals.raise_any()
    coverage = CoverageRecord(
        id=ids.new_id(ids.COVERAGE, at=unit.now),
        patient_id=patient.id,
        payer_ans=form.payer,
        plan_name=form.plan_name.strip(),
        card_number=form.card_number,
        starts_on=form.terms.starts_on,
        ends_on=form.terms.ends_on,
        card_valid_until=form.terms.card_valid_until,
        waiting_until=form.terms.waiting_until,
        suspended_from=form.terms.suspended_from,
        suspended_until=form.terms.suspended_until,
        version=1,
    )
    try:
        await parties_db.insert_coverages(unit.connection, [coverage])
    except IntegrityError:
        # The check ran without a lock: another caller registered the card before this insert.
        raise _known(None) from None
    KIND.note(unit, coverage, PartyAction.REGISTER)
    return coverage


async def update(
    unit: UnitOfWork, *, id: str, changes: Mapping[str, Any], version: int | None = None
) -> CoverageRecord:
    """Change the plan or the dates of a card: columns of the row that are given. A new card is a new coverage."""
    given: dict[str, Any] = {
        name: value.strip() if isinstance(value, str) else value for name, value in changes.items()
    }
    refusals = Refusals([text_failure(given.get("plan_name"), "planName", PLAN_LENGTH_MAX)])
    with refusals.also():
        before = await _locked(unit, id)
        with refusals.also():
            check_version("coverage", before.version, version)
        after = replace(before, **given)
        raise_any(_failures(after.plan_name, after.terms))
    refusals.raise_any()
    return await KIND.change(unit, before, given, PartyAction.UPDATE)


async def end(unit: UnitOfWork, *, id: str, ends_on: date, version: int | None = None) -> CoverageRecord:
    """End the coverage on a day; call it again to change the day."""
    before = await _locked(unit, id)
    refusals = Refusals(_failures(before.plan_name, replace(before, ends_on=ends_on).terms))
    with refusals.also():
        check_version("coverage", before.version, version)
    refusals.raise_any()
    return await KIND.change(unit, before, {"ends_on": ends_on}, PartyAction.END)


async def _locked(unit: UnitOfWork, coverage_id: str) -> CoverageRecord:
    if unit.scope.payer is not None or unit.scope.patient is not None:
        raise not_found("coverage")
    found = await patient_changes_db.lock_coverage(unit.connection, unit.scope, coverage_id)
    return KIND.checked(found, None, "id")


async def _active_patient(unit: UnitOfWork, patient_id: str) -> PatientRecord:
    patient = await patients.locked(unit, patient_id, None, "patient")
    if patient.deactivated_at is not None:
        raise BillingError(deactivated("patient", "patient"))
    return patient


async def _check_payer(unit: UnitOfWork, payer: str) -> None:
    found = await parties_db.payer(unit.connection, payer)
    if found is None:
        raise BillingError(parties.UNKNOWN_PAYER)
    if not found.is_active:
        raise BillingError(deactivated("payer", "payer"))


async def _check_card(unit: UnitOfWork, payer: str, card_number: str) -> None:
    known = await parties_db.coverage_of_card(unit.connection, payer, card_number)
    if known is not None:
        seen = await patient_changes_db.coverages_by_id(unit.connection, unit.scope, [known.id])
        raise _known(known.id if seen else None)


def _known(coverage_id: str | None) -> BillingError:
    message = "the payer has this card already: check the number, or change the coverage that has it"
    return BillingError(duplicate(message, "cardNumber", coverage_id))


def _failures(plan_name: str, terms: CoverageTerms) -> list[Failure | None]:
    found = [text_failure(plan_name, "planName", PLAN_LENGTH_MAX)]
    for later, field, earlier in (
        (terms.ends_on, "endsOn", terms.starts_on),
        (terms.card_valid_until, "cardValidUntil", terms.starts_on),
        (terms.suspended_until, "suspendedUntil", terms.suspended_from),
    ):
        if later is not None and earlier is not None and later < earlier:
            found.append(Failure(ErrorCode.INVALID_DATE, "ends before it begins", field))
    if terms.suspended_until is not None and terms.suspended_from is None:
        found.append(Failure(ErrorCode.INVALID_DATE, "give the first day of the suspension too", "suspendedFrom"))
    return found


STORED_COVERAGE: Final = StoredRecord(
    CoverageRecord,
    patient_changes_db.coverages_by_id,
    *("starts_on", "ends_on", "card_valid_until", "waiting_until", "suspended_from", "suspended_until", "version"),
)
COVERAGE_ANSWER: Final = answer_of_one(STORED_COVERAGE)
REGISTER: Final = Action("registerCoverage", register, needs=REGISTRATION, answer=COVERAGE_ANSWER)
UPDATE: Final = Action("updateCoverage", update, needs=REGISTRATION, answer=COVERAGE_ANSWER)
END: Final = Action("endCoverage", end, needs=REGISTRATION, answer=COVERAGE_ANSWER)
