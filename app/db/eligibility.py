"""Queries on eligibility answers: rows that never change, one for every question asked."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.children import Children
from app.db.counting import row_count
from app.db.filters import OPEN_RANGE, Bounds, Condition, one_of, within
from app.db.merged_patients import same_patient
from app.db.pages import Chosen, Values
from app.db.paging import Keyset
from app.db.party_tables import party_history
from app.db.records import columns, insert_records
from app.db.reference_tables import coverages, eligibility_checks
from app.db.scoping import eligibility_in, parties_of
from app.db.statements import query, query_total
from app.domain.data_scope import DataScope
from app.domain.eligibility import EligibilityOutcome, EligibilitySource
from app.values.frozen import frozen


@frozen
class EligibilityRecord:
    id: str
    payer_ans: str
    provider_cnes: str
    patient_id: str | None
    card_number: str
    service_date: date
    code_system: str | None
    procedure_code: str | None
    outcome: EligibilityOutcome
    reasons: tuple[str, ...]
    source: EligibilitySource
    plan_name: str | None
    card_valid_until: date | None
    asked_payer_at: datetime
    answered_at: datetime
    expires_at: datetime | None
    created_by: str


@frozen
class EligibilityFilter:
    ids: tuple[str, ...] | None = None
    payers: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None
    patient: str | None = None
    outcomes: tuple[EligibilityOutcome, ...] | None = None
    service_date: Bounds[date] = OPEN_RANGE
    answered_at: Bounds[datetime] = OPEN_RANGE


ELIGIBILITY = columns(eligibility_checks, EligibilityRecord)


async def insert_check(connection: AsyncConnection, record: EligibilityRecord) -> None:
    """Store one answer."""
    await insert_records(connection, eligibility_checks, [record])


def _visible(scope: DataScope) -> Select[Any]:
    return select(*ELIGIBILITY).where(eligibility_in(scope))


OF_PATIENT: Final = Children(_visible, eligibility_checks.c.patient_id, EligibilityRecord)


@query(EligibilityRecord)
def by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The answers with these ids within the scope."""
    return _visible(scope).where(eligibility_checks.c.id.in_(ids))


@query(str)
def unchanged(scope: DataScope, check_id: str) -> Select[Any]:
    """The id of this answer within the scope, if its card has not been changed since the payer was asked."""
    asked = eligibility_checks.c
    of_card = (coverages.c.payer_ans == asked.payer_ans, coverages.c.card_number == asked.card_number)
    steps = select(party_history.c.id).join(coverages, coverages.c.id == party_history.c.party_id)
    changed = steps.where(*of_card, party_history.c.at >= asked.asked_payer_at).exists()
    return select(asked.id).where(eligibility_in(scope), asked.id == check_id, ~changed)


@query(EligibilityRecord)
def page(scope: DataScope, where: EligibilityFilter, keyset: Keyset) -> Select[Any]:
    """One page of the answers within the scope."""
    return _chosen(scope, where).page(ELIGIBILITY, keyset)


@query_total(row_count)
def count(scope: DataScope, where: EligibilityFilter) -> Select[Any]:
    """How many answers within the scope match the filter."""
    return _chosen(scope, where).count()


def _chosen(scope: DataScope, where: EligibilityFilter) -> Chosen:
    return Chosen(eligibility_checks, [eligibility_in(scope), *_conditions(where)], _values(scope, where))


def _conditions(where: EligibilityFilter) -> list[Condition]:
    table = eligibility_checks.c
    matching = one_of(
        (table.id, where.ids),
        (table.payer_ans, where.payers),
        (table.provider_cnes, where.providers),
        (table.outcome, where.outcomes),
    )
    return [
        *matching,
        *([] if where.patient is None else [same_patient(table.patient_id, where.patient)]),
        *within((table.service_date, where.service_date), (table.answered_at, where.answered_at)),
    ]


def _values(scope: DataScope, where: EligibilityFilter) -> list[Values]:
    table = eligibility_checks.c
    parties = parties_of(scope, table.provider_cnes, where.providers, table.payer_ans, where.payers)
    return [(table.outcome, where.outcomes), *parties]
