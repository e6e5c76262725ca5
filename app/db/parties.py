"""Queries on payers, providers, patients and their coverages."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import run
from app.db.merged_patients import survivors
from app.db.records import columns, insert_records, row
from app.db.reference_tables import coverages, patients, payers, providers
from app.db.scoping import is_treated_in, patients_in, providers_in
from app.db.statements import query, query_one
from app.domain import ids
from app.domain.contracts import Terms
from app.domain.data_scope import DataScope
from app.domain.eligibility import CoverageTerms
from app.values.frozen import frozen


@frozen
class PayerRecord:
    ans_code: str
    name: str
    submission_window_days: int
    appeal_deadline_days: int
    payment_term_days: int
    is_answering: bool
    version: int
    deactivated_at: datetime | None

    @property
    def id(self) -> str:
        """The public id, made of the registro ANS."""
        return ids.of_key(ids.PAYER, self.ans_code)

    @property
    def is_active(self) -> bool:
        """Whether new claims may name it."""
        return self.deactivated_at is None

    @property
    def terms(self) -> Terms:
        """The payer's standard terms, for providers without a contract."""
        return Terms(self.submission_window_days, self.appeal_deadline_days, self.payment_term_days)


@frozen
class ProviderRecord:
    cnes: str
    name: str
    tax_id: str
    version: int
    deactivated_at: datetime | None
    state: str | None

    @property
    def id(self) -> str:
        """The public id, made of the CNES."""
        return ids.of_key(ids.PROVIDER, self.cnes)

    @property
    def is_active(self) -> bool:
        """Whether new claims may name it."""
        return self.deactivated_at is None


@frozen
class PatientRecord:
    id: str
    name: str
    cpf: str | None
    birth_date: date | None
    version: int
    deactivated_at: datetime | None
    merged_into_id: str | None

    @property
    def is_active(self) -> bool:
        """Whether new claims may name it."""
        return self.deactivated_at is None


@frozen
class CoverageRecord:
    id: str
    patient_id: str
    payer_ans: str
    plan_name: str
    card_number: str
    starts_on: date
    ends_on: date | None
    card_valid_until: date | None
    waiting_until: date | None
    suspended_from: date | None
    suspended_until: date | None
    version: int

    @property
    def terms(self) -> CoverageTerms:
        """The part of the coverage that decides eligibility."""
        return CoverageTerms(
            starts_on=self.starts_on,
            ends_on=self.ends_on,
            card_valid_until=self.card_valid_until,
            waiting_until=self.waiting_until,
            suspended_from=self.suspended_from,
            suspended_until=self.suspended_until,
        )


PAYER = columns(payers, PayerRecord)
PROVIDER = columns(providers, ProviderRecord)
COVERAGE = columns(coverages, CoverageRecord)


@query(PayerRecord)
def payers_by_code(codes: Sequence[str]) -> Select[Any]:
    """Payers are reference data: every caller may know their names."""
    return select(*PAYER).where(payers.c.ans_code.in_(codes))


@query(ProviderRecord)
def providers_by_code(codes: Sequence[str]) -> Select[Any]:
    """Providers are reference data (CNES is a public register): every caller may know their names."""
    return select(*PROVIDER).where(providers.c.cnes.in_(codes))


async def providers_by_id(
    connection: AsyncConnection, scope: DataScope, provider_ids: Sequence[str]
) -> list[ProviderRecord]:
    """The providers with these public ids within the scope."""
    return await _providers_in(connection, scope, [ids.key_of(each)[0] for each in provider_ids])


@query(ProviderRecord)
def _providers_in(scope: DataScope, codes: Sequence[str]) -> Select[Any]:
    return select(*PROVIDER).where(providers.c.cnes.in_(codes), providers_in(scope))


@query_one(PayerRecord)
def payer(code: str) -> Select[Any]:
    """One payer by its registro ANS."""
    return select(*PAYER).where(payers.c.ans_code == code)


@query_one(ProviderRecord)
def provider(code: str) -> Select[Any]:
    """One provider by its CNES."""
    return select(*PROVIDER).where(providers.c.cnes == code)


@query(str)
def providers_with_tax_id(scope: DataScope, tax_id: str, limit: int) -> Select[Any]:
    """The CNES of some of the scope's providers with this CNPJ or CPF."""
    return select(providers.c.cnes).where(providers_in(scope), providers.c.tax_id == tax_id).limit(limit)


@query(PatientRecord)
def patients_by_id(scope: DataScope, patient_ids: Sequence[str]) -> Select[Any]:
    """The patients with these ids within the scope."""
    return select(*patient_columns(scope)).where(patients.c.id.in_(patient_ids), patients_in(scope))


async def patients_by_any_id(
    connection: AsyncConnection, scope: DataScope, patient_ids: Sequence[str]
) -> dict[str, PatientRecord]:
    """The patients within the scope by the ids asked for; that of a merged patient leads to the one that stayed."""
    found = {each.id: each for each in await patients_by_id(connection, scope, patient_ids)}
    found = {each.id: each for each in found.values() if each.merged_into_id is None}
    missing = [each for each in patient_ids if each not in found]
    led = await survivors(connection, missing) if missing else {}
    stayed = {each.id: each for each in await patients_by_id(connection, scope, list(led.values()))} if led else {}
    return found | {asked: stayed[one] for asked, one in led.items() if one in stayed}


def patient_columns(scope: DataScope) -> tuple[ColumnElement[Any], ...]:
    """The columns of PatientRecord; CPF and birth date are empty if the scope's providers do not treat the patient."""
    is_treated = is_treated_in(scope)
    known = [case((is_treated, column)).label(column.name) for column in (patients.c.cpf, patients.c.birth_date)]
    state = (patients.c.version, patients.c.deactivated_at, patients.c.merged_into_id)
    return (patients.c.id, patients.c.name, *known, *state)


@query_one(CoverageRecord)
def coverage_of_card(payer_ans: str, card_number: str) -> Select[Any]:
    """The coverage of a card of this payer, without a data scope: callers who know the card number may ask about it."""
    return select(*COVERAGE).where(coverages.c.payer_ans == payer_ans, coverages.c.card_number == card_number)


@query_one(CoverageRecord)
def held_coverage_of_card(payer_ans: str, card_number: str) -> Select[Any]:
    """The same, whose patient it stays until the transaction ends: a merge of patients waits, or is done."""
    held = select(*COVERAGE).where(coverages.c.payer_ans == payer_ans, coverages.c.card_number == card_number)
    return held.with_for_update(read=True)


async def insert_payers(connection: AsyncConnection, records: Sequence[PayerRecord]) -> None:
    """New payers."""
    await insert_records(connection, payers, records)


async def insert_providers(connection: AsyncConnection, records: Sequence[ProviderRecord]) -> None:
    """New providers; their invoices and batches are numbered from 1."""
    counters = {"last_invoice_number": 0, "last_batch_number": 0}
    await run(connection, insert(providers), [row(record) | counters for record in records])


async def insert_patients(connection: AsyncConnection, records: Sequence[PatientRecord]) -> None:
    """New patients, still without coverage."""
    await insert_records(connection, patients, records)


async def insert_coverages(connection: AsyncConnection, records: Sequence[CoverageRecord]) -> None:
    """New coverages of patients who exist."""
    await insert_records(connection, coverages, records)
