"""Looking patients up by the numbers that they bring along."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.counting import count_rows
from app.db.engine import fetch
from app.db.filters import Condition, equal
from app.db.paging import Keyset
from app.db.parties import PatientRecord, patient_columns
from app.db.reference_tables import coverages, patients
from app.db.scoping import is_treated_in, patients_in
from app.domain.data_scope import DataScope


@dataclass(frozen=True, slots=True)
class PatientFilter:
    """A patient matches when every given part does; at least one of card and CPF has to be given."""

    card_number: str | None = None
    payer: str | None = None
    cpf: str | None = None


async def page(
    connection: AsyncConnection, scope: DataScope, where: PatientFilter, keyset: Keyset
) -> list[PatientRecord]:
    """One page of the patients within the scope."""
    query = _matching(select(*patient_columns(scope)), scope, where)
    return await fetch(connection, keyset.apply(query), PatientRecord)


async def count(connection: AsyncConnection, scope: DataScope, where: PatientFilter) -> int:
    """How many patients within the scope match the filter."""
    return await count_rows(connection, _matching(select(patients.c.id), scope, where))


def _matching(query: Select[Any], scope: DataScope, where: PatientFilter) -> Select[Any]:
    return query.where(patients_in(scope), *_by_card(where), *_by_cpf(scope, where))


def _by_card(where: PatientFilter) -> list[Condition]:
    if where.card_number is None:
        return []
    parts = equal((coverages.c.card_number, where.card_number), (coverages.c.payer_ans, where.payer))
    # Not correlated: a card has few coverages, a scope may have many patients.
    return [patients.c.id.in_(select(coverages.c.patient_id).where(*parts))]


def _by_cpf(scope: DataScope, where: PatientFilter) -> list[Condition]:
    """Only patients whose CPF the caller may see: finding somebody by it shows it."""
    return [] if where.cpf is None else [patients.c.cpf == where.cpf, is_treated_in(scope)]
