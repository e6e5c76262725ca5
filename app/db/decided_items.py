"""What a payer has decided and answered for a provider before: what the chance of a denial is learnt from, and what
speaks for an appeal."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Select, func, select, tuple_

from app.db.reference_tables import eligibility_checks
from app.db.scoping import claims_in, eligibility_in
from app.db.statements import query
from app.db.tables import claim_items, claims, denials
from app.domain.claims import DECIDED
from app.domain.data_scope import DataScope
from app.domain.denial_chance import DecidedItem
from app.domain.denials import DenialStatus
from app.domain.eligibility import EligibilityOutcome

CLAIMS_MAX: Final = 2_000
"""Learnt from the latest decided claims only: it is what the payer does now, and takes some milliseconds."""
ITEMS_MAX: Final = 2_000


@query(DecidedItem)
def of_procedures(scope: DataScope, provider: str, payer: str, codes: Sequence[tuple[str, str]]) -> Select[Any]:
    """The latest decided items with these (code system, code) pairs, newest claims first."""
    table, item = claims.c, claim_items.c
    latest = select(table.id, table.created_at, practitioner().label("practitioner"))
    latest = latest.where(claims_in(scope), table.provider_cnes == provider, table.payer_ans == payer)
    latest = latest.where(table.status.in_(sorted(DECIDED))).order_by(table.created_at.desc(), table.id.desc())
    newest = latest.limit(CLAIMS_MAX).subquery()
    amounts = (func.coalesce(item.processed_cents, 0), func.coalesce(item.denied_cents, 0))
    chosen = select(item.claim_id, item.code_system, item.code, newest.c.practitioner, *amounts)
    chosen = chosen.join(newest, newest.c.id == item.claim_id)
    chosen = chosen.where(tuple_(item.code_system, item.code).in_(codes), item.processed_cents > 0)
    return chosen.order_by(newest.c.created_at.desc(), item.claim_id.desc(), item.sequence).limit(ITEMS_MAX)


def practitioner() -> Any:
    """Council, number and state of the claim's practitioner as one text; empty parts if it names none."""
    parts = (claims.c.practitioner_council, claims.c.practitioner_number, claims.c.practitioner_state)
    first, second, third = (func.coalesce(each, "") for each in parts)
    return first + " " + second + " " + third


@query(str)
def won(scope: DataScope, provider: str, payer: str, code: str, limit: int) -> Select[Any]:
    """The ids of the latest denials with this code that appeals to this payer won in full."""
    query = select(denials.c.id).join(claims, claims.c.id == denials.c.claim_id).where(claims_in(scope))
    query = query.where(claims.c.provider_cnes == provider, claims.c.payer_ans == payer, denials.c.code == code)
    query = query.where(denials.c.status == DenialStatus.OVERTURNED, denials.c.appealed_at.is_not(None))
    return query.order_by(denials.c.id.desc()).limit(limit)


@query(str)
def eligible(scope: DataScope, payer: str, patient: str, day: date) -> Select[Any]:
    """The id of the latest answer of the payer that the patient was covered on this day; no row if there is none."""
    table = eligibility_checks.c
    query = select(table.id).where(eligibility_in(scope), table.payer_ans == payer)
    query = query.where(table.patient_id == patient, table.service_date == day)
    query = query.where(table.outcome == EligibilityOutcome.ELIGIBLE)
    return query.order_by(table.answered_at.desc(), table.id.desc()).limit(1)
