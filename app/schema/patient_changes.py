"""Mutations on patients and their coverages."""

from dataclasses import fields
from datetime import date
from typing import Any

import strawberry

from app.domain.eligibility import CoverageTerms
from app.domain.identifiers import AnsCode, Cnes, Cpf
from app.schema.base.mutations import KEY, VERSION, MutationPayload, mutation
from app.schema.base.types import input_type, object_type
from app.schema.coverages import Coverage
from app.schema.parties import Patient, shown_patient
from app.schema.party_changes import OLD_CLAIMS
from app.services import coverages, patient_merges, patients
from app.services.coverages import CoverageForm
from app.services.patients import PatientForm

NAME = "Full name, up to 70 characters."
CPF = "Taxpayer number (CPF); no other patient may have it."
BIRTH = "Date of birth."
PLAN = "Plan name (plano), up to 80 characters."
STARTS = "First day of the coverage."
ENDS = "Last day of the coverage; null for no end."
VALID = "Last day on which the card is valid; null if it does not expire."
WAITING = "Last day of the waiting period (carência); null for none."
SUSPENDED = "First day of a suspension; null for none."
DATES = "The other days; null for none that is given."
RESUMED = "Last day of the suspension; null for no end."


def _given(required: set[str], **values: Any) -> dict[str, Any]:
    """The fields that are given; null clears a field, or leaves it unchanged if it is required."""
    return {
        name: value
        for name, value in values.items()
        if value is not strawberry.UNSET and not (value is None and name in required)
    }


@input_type(description="A patient to register.")
class RegisterPatientInput:
    provider: Cnes = strawberry.field(
        name="providerCnes", description="The provider that registers the patient, and sees the patient from then on."
    )
    name: str = strawberry.field(description=NAME)
    cpf: Cpf | None = strawberry.field(default=None, description=CPF)
    birth_date: date | None = strawberry.field(default=None, description=BIRTH)
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"form": PatientForm(self.provider, self.name, self.cpf, self.birth_date)}


@input_type(description="Corrections of a patient's data: omitted fields are unchanged, null clears a field.")
class UpdatePatientInput:
    id: strawberry.ID = strawberry.field(name="patientId", description="Id of the patient.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description=NAME)
    cpf: Cpf | None = strawberry.field(default=strawberry.UNSET, description=CPF)
    birth_date: date | None = strawberry.field(default=strawberry.UNSET, description=BIRTH)
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        changes = _given({"name"}, name=self.name, cpf=self.cpf, birth_date=self.birth_date)
        return {"id": self.id, "changes": changes, "version": self.version}


@input_type(description="The patient to deactivate.")
class DeactivatePatientInput:
    id: strawberry.ID = strawberry.field(name="patientId", description="Id of the patient.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="The patient to reactivate.")
class ReactivatePatientInput:
    id: strawberry.ID = strawberry.field(name="patientId", description="Id of the patient.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="Two patients that are one person.")
class MergePatientsInput:
    id: strawberry.ID = strawberry.field(name="patientId", description="Id of the patient that stays.")
    merged: strawberry.ID = strawberry.field(
        name="mergedPatientId", description="Id of the patient that is merged into it, and leads to it from then on."
    )
    version: int | None = strawberry.field(default=None, description=f"{VERSION} Of the patient that stays.")
    idempotency_key: str = strawberry.field(description=KEY)


@object_type(description="Result of a change of a patient.")
class PatientPayload(MutationPayload):
    patient: Patient | None = strawberry.field(
        default=None,
        description="The patient after the mutation; null if refused.",
        extensions=shown_patient(),
    )


@input_type(description="The days on which a coverage changes: omitted ones are unchanged, null clears one.")
class CoverageDatesInput:
    ends_on: date | None = strawberry.field(default=strawberry.UNSET, description=ENDS)
    card_valid_until: date | None = strawberry.field(default=strawberry.UNSET, description=VALID)
    waiting_until: date | None = strawberry.field(default=strawberry.UNSET, description=WAITING)
    suspended_from: date | None = strawberry.field(default=strawberry.UNSET, description=SUSPENDED)
    suspended_until: date | None = strawberry.field(default=strawberry.UNSET, description=RESUMED)

    def given(self) -> dict[str, Any]:
        """Those that are given."""
        return _given(set(), **vars(self))


@input_type(description="A card to register.")
class RegisterCoverageInput:
    patient: strawberry.ID = strawberry.field(name="patientId", description="Id of the patient.")
    payer: AnsCode = strawberry.field(name="payerAnsCode", description="The payer, by registro ANS.")
    card_number: str = strawberry.field(description="Card number (numeroCarteira), up to 20 characters.")
    plan_name: str = strawberry.field(name="plan", description=PLAN)
    starts_on: date = strawberry.field(description=STARTS)
    dates: CoverageDatesInput | None = strawberry.field(default=None, description=DATES)
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        dates = {each.name: None for each in fields(CoverageTerms)} | (self.dates.given() if self.dates else {})
        terms = CoverageTerms(**{**dates, "starts_on": self.starts_on})
        return {"form": CoverageForm(self.patient, self.payer, self.card_number, self.plan_name, terms)}


@input_type(description="Changes to a coverage: omitted fields are unchanged, null clears a field.")
class UpdateCoverageInput:
    id: strawberry.ID = strawberry.field(name="coverageId", description="Id of the coverage.")
    plan_name: str | None = strawberry.field(name="plan", default=strawberry.UNSET, description=PLAN)
    starts_on: date | None = strawberry.field(default=strawberry.UNSET, description=STARTS)
    dates: CoverageDatesInput | None = strawberry.field(default=None, description=DATES)
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        changes = _given({"plan_name", "starts_on"}, plan_name=self.plan_name, starts_on=self.starts_on)
        changes |= self.dates.given() if self.dates else {}
        return {"id": self.id, "changes": changes, "version": self.version}


@input_type(description="The coverage to end.")
class EndCoverageInput:
    id: strawberry.ID = strawberry.field(name="coverageId", description="Id of the coverage.")
    ends_on: date = strawberry.field(description="Last day of the coverage.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@object_type(description="Result of a change of a coverage.")
class CoveragePayload(MutationPayload):
    coverage: Coverage | None = strawberry.field(
        default=None, description="The coverage after the mutation; null if refused."
    )


MUTATIONS = (
    mutation(
        patients.REGISTER,
        RegisterPatientInput,
        PatientPayload,
        "Registers a patient; the provider sees the patient from then on.",
    ),
    mutation(patients.UPDATE, UpdatePatientInput, PatientPayload, "Corrects a patient's data."),
    mutation(
        patients.DEACTIVATE,
        DeactivatePatientInput,
        PatientPayload,
        f"Deactivates a patient whom no other provider knows. {OLD_CLAIMS}",
    ),
    mutation(patients.REACTIVATE, ReactivatePatientInput, PatientPayload, "Makes a deactivated patient active again."),
    mutation(
        patient_merges.MERGE,
        MergePatientsInput,
        PatientPayload,
        "Merges two patients whom no other provider knows: claims, cards and eligibility checks of one follow the "
        "other, and both ids lead to it. This cannot be undone.",
    ),
    mutation(coverages.REGISTER, RegisterCoverageInput, CoveragePayload, "Registers a card of a patient at a payer."),
    mutation(
        coverages.UPDATE,
        UpdateCoverageInput,
        CoveragePayload,
        "Changes the plan or the dates of a card; another number is another coverage.",
    ),
    mutation(
        coverages.END, EndCoverageInput, CoveragePayload, "Ends a coverage on a day; call it again to change the day."
    ),
)
