"""Locking and writing patients and coverages."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Select, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.children import Children
from app.db.engine import run
from app.db.parties import COVERAGE, CoverageRecord, PatientRecord
from app.db.party_tables import patient_registrations
from app.db.records import columns, row, update_record
from app.db.reference_tables import coverages, eligibility_checks, patients
from app.db.scoping import coverages_in, is_treated_in, patients_in
from app.db.statements import query, query_one
from app.db.tables import claims
from app.domain.data_scope import DataScope

PATIENT: Final = columns(patients, PatientRecord)


@query_one(PatientRecord)
def lock(scope: DataScope, patient_id: str) -> Select[Any]:
    """The patient whom the scope's providers treat, locked until the transaction ends, with all documents."""
    return _treated(scope).where(patients.c.id == patient_id).with_for_update()


@query_one(PatientRecord)
def lock_row(patient_id: str) -> Select[Any]:
    """The patient, locked until the transaction ends; the caller has asked the data scope for it."""
    return select(*PATIENT).where(patients.c.id == patient_id).with_for_update()


@query(PatientRecord)
def treated_by_id(scope: DataScope, patient_ids: Sequence[str]) -> Select[Any]:
    """Those of these patients whom the scope's providers treat."""
    return _treated(scope).where(patients.c.id.in_(patient_ids))


def _treated(scope: DataScope) -> Select[Any]:
    return select(*PATIENT).where(patients_in(scope), is_treated_in(scope))


@query(str)
def with_cpf(cpf: str) -> Select[Any]:
    """The ids of all patients with this CPF, without a data scope: one CPF is one person, whoever asks."""
    return select(patients.c.id).where(patients.c.cpf == cpf, patients.c.merged_into_id.is_(None))


@query(str)
def registered_as(provider: str, name: str, birth_date: date) -> Select[Any]:
    """The ids of patients whom the provider has registered under this name and day of birth, without a data scope: the
    caller locks the patient within its own."""
    table = patient_registrations.c
    own = select(table.patient_id).where(table.provider_cnes == provider)
    same = (patients.c.name == name, patients.c.birth_date == birth_date, patients.c.merged_into_id.is_(None))
    return select(patients.c.id).where(patients.c.id.in_(own), *same)


@query(str)
def others_who_know(providers: Collection[str], patient_id: str) -> Select[Any]:
    """The patient's id, if other providers than these have registered the patient, sent a claim or asked the payer."""
    named = (patient_registrations.c, claims.c, eligibility_checks.c)
    found = [
        select(table.provider_cnes).where(table.patient_id == patient_id, table.provider_cnes.not_in(providers))
        for table in named
    ]
    return select(patients.c.id).where(patients.c.id == patient_id, or_(*[each.exists() for each in found]))


async def insert_registered(connection: AsyncConnection, patient: PatientRecord, provider: str) -> None:
    """A new patient whom the provider has registered; IntegrityError if another was registered with the CPF."""
    await run(connection, insert(patients), [row(patient) | {"registered_cpf": patient.cpf}])
    await add_registration(connection, patient.id, provider)


async def add_registration(connection: AsyncConnection, patient_id: str, provider: str) -> None:
    """The provider sees the patient from now on."""
    await run(connection, insert(patient_registrations).values(patient_id=patient_id, provider_cnes=provider))


async def register_cpf(connection: AsyncConnection, patient_id: str, cpf: str | None) -> None:
    """The CPF that no other registered patient may have; IntegrityError if one has."""
    await run(connection, update(patients).where(patients.c.id == patient_id).values(registered_cpf=cpf))


async def update_patient(connection: AsyncConnection, patient: PatientRecord) -> None:
    """Write the row of a patient that the caller has locked, with all documents."""
    await update_record(connection, patients, patient)


@query_one(CoverageRecord)
def lock_coverage(scope: DataScope, coverage_id: str) -> Select[Any]:
    """The coverage within the scope, locked until the transaction ends."""
    return _coverages(scope).where(coverages.c.id == coverage_id).with_for_update()


@query(CoverageRecord)
def coverages_by_id(scope: DataScope, coverage_ids: Sequence[str]) -> Select[Any]:
    """The coverages with these ids within the scope."""
    return _coverages(scope).where(coverages.c.id.in_(coverage_ids))


@query_one(CoverageRecord)
def coverage_of_card(scope: DataScope, payer: str, card_number: str) -> Select[Any]:
    """The coverage of a card of this payer within the scope."""
    return _coverages(scope).where(coverages.c.payer_ans == payer, coverages.c.card_number == card_number)


def _coverages(scope: DataScope) -> Select[Any]:
    return select(*COVERAGE).where(coverages_in(scope))


OF_PATIENT: Final = Children(_coverages, coverages.c.patient_id, CoverageRecord)


async def update_coverage(connection: AsyncConnection, coverage: CoverageRecord) -> None:
    """Write the whole row of a coverage that the caller has locked."""
    await update_record(connection, coverages, coverage)
