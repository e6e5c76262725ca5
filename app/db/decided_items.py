"""Items that a payer has decided for a provider: what the chance of a denial is learnt from."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Select, func, select, tuple_

from app.db.scoping import claims_in
from app.db.statements import query
from app.db.tables import claim_items, claims
from app.domain.claims import DECIDED
from app.domain.data_scope import DataScope
from app.domain.denial_chance import DecidedItem

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
