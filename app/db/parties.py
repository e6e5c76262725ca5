"""Queries on payers, providers, patients and their coverages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, case, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import fetch, fetch_one, run
from app.db.records import columns, insert_records, row
from app.db.reference_tables import coverages, patients, payers, providers
from app.db.scoping import is_treated_in, patients_in, providers_in
from app.domain import ids
from app.domain.contracts import Terms
from app.domain.data_scope import DataScope
from app.domain.eligibility import CoverageTerms


@dataclass(frozen=True, slots=True)
class PayerRecord:
    ans_code: str
    name: str
    submission_window_days: int
    appeal_deadline_days: int
    payment_term_days: int
    is_answering: bool

    @property
    def id(self) -> str:
        """The public id, made of the registro ANS."""
        return ids.of_key(ids.PAYER, self.ans_code)

    @property
    def terms(self) -> Terms:
        """The payer's standard terms, for providers without a contract."""
        return Terms(self.submission_window_days, self.appeal_deadline_days, self.payment_term_days)


@dataclass(frozen=True, slots=True)
class ProviderRecord:
    cnes: str
    name: str
    tax_id: str

    @property
    def id(self) -> str:
        """The public id, made of the CNES."""
        return ids.of_key(ids.PROVIDER, self.cnes)


@dataclass(frozen=True, slots=True)
class PatientRecord:
    id: str
    name: str
    cpf: str | None
    birth_date: date | None


@dataclass(frozen=True, slots=True)
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


async def payers_by_code(connection: AsyncConnection, codes: Sequence[str]) -> list[PayerRecord]:
    """Payers are reference data: every caller may know their names."""
    return await fetch(connection, select(*PAYER).where(payers.c.ans_code.in_(codes)), PayerRecord)


async def providers_by_code(connection: AsyncConnection, codes: Sequence[str]) -> list[ProviderRecord]:
    """Providers are reference data (CNES is a public register): every caller may know their names."""
    return await fetch(connection, select(*PROVIDER).where(providers.c.cnes.in_(codes)), ProviderRecord)


async def providers_by_id(
    connection: AsyncConnection, scope: DataScope, provider_ids: Sequence[str]
) -> list[ProviderRecord]:
    """The providers with these public ids within the scope."""
    codes = [ids.key_of(each)[0] for each in provider_ids]
    query = select(*PROVIDER).where(providers.c.cnes.in_(codes), providers_in(scope))
    return await fetch(connection, query, ProviderRecord)


async def payer(connection: AsyncConnection, code: str) -> PayerRecord | None:
    """One payer by its registro ANS."""
    return await fetch_one(connection, select(*PAYER).where(payers.c.ans_code == code), PayerRecord)


async def provider(connection: AsyncConnection, code: str) -> ProviderRecord | None:
    """One provider by its CNES."""
    return await fetch_one(connection, select(*PROVIDER).where(providers.c.cnes == code), ProviderRecord)


async def patients_by_id(
    connection: AsyncConnection, scope: DataScope, patient_ids: Sequence[str]
) -> list[PatientRecord]:
    """The patients with these ids within the scope."""
    query = select(*patient_columns(scope)).where(patients.c.id.in_(patient_ids), patients_in(scope))
    return await fetch(connection, query, PatientRecord)


def patient_columns(scope: DataScope) -> tuple[ColumnElement[Any], ...]:
    """The columns of PatientRecord; CPF and birth date are empty if the scope's providers do not treat the patient."""
    is_treated = is_treated_in(scope)
    known = [case((is_treated, column)).label(column.name) for column in (patients.c.cpf, patients.c.birth_date)]
    return (patients.c.id, patients.c.name, *known)


async def coverage_of_card(connection: AsyncConnection, payer_ans: str, card_number: str) -> CoverageRecord | None:
    """The coverage of a card of this payer, without a data scope: callers who know the card number may ask about it."""
    query = select(*COVERAGE).where(coverages.c.payer_ans == payer_ans, coverages.c.card_number == card_number)
    return await fetch_one(connection, query, CoverageRecord)


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
