"""Looking patients up by the numbers that they bring along, or by the day of birth."""

from datetime import date
from typing import Any

from sqlalchemy import Select, select

from app.db.counting import count_of, row_count
from app.db.filters import Condition, active, equal
from app.db.paging import Keyset
from app.db.parties import PatientRecord, patient_columns
from app.db.reference_tables import coverages, patients
from app.db.scoping import is_treated_in, patients_in
from app.db.statements import query, query_total
from app.db.words import has_words
from app.domain.data_scope import DataScope
from app.values.frozen import frozen


@frozen
class PatientFilter:
    """A patient matches when every given part does; card, CPF or day of birth has to be given.

    `words` are parts of the name (`words_of`); `is_active` chooses those that are not deactivated, or those that are.
    """

    card_number: str | None = None
    payer: str | None = None
    cpf: str | None = None
    birth_date: date | None = None
    words: tuple[str, ...] = ()
    is_active: bool | None = None


@query(PatientRecord)
def page(scope: DataScope, where: PatientFilter, keyset: Keyset) -> Select[Any]:
    """One page of the patients within the scope."""
    return keyset.apply(_matching(select(*patient_columns(scope)), scope, where))


@query_total(row_count)
def count(scope: DataScope, where: PatientFilter) -> Select[Any]:
    """How many patients within the scope match the filter."""
    return count_of(_matching(select(patients.c.id), scope, where))


def _matching(rows: Select[Any], scope: DataScope, where: PatientFilter) -> Select[Any]:
    is_present = patients.c.merged_into_id.is_(None)
    named = [*has_words(where.words, patients.c.name), *active(where.is_active, patients.c.deactivated_at)]
    return rows.where(patients_in(scope), is_present, *_by_card(where), *_by_documents(scope, where), *named)


def _by_card(where: PatientFilter) -> list[Condition]:
    if where.card_number is None:
        return []
    parts = equal((coverages.c.card_number, where.card_number), (coverages.c.payer_ans, where.payer))
    # Not correlated: a card has few coverages, a scope may have many patients.
    return [patients.c.id.in_(select(coverages.c.patient_id).where(*parts))]


def _by_documents(scope: DataScope, where: PatientFilter) -> list[Condition]:
    """Only patients whose CPF and day of birth the caller may see: finding somebody by one of them shows it."""
    asked = equal((patients.c.cpf, where.cpf), (patients.c.birth_date, where.birth_date))
    return [*asked, is_treated_in(scope)] if asked else []
