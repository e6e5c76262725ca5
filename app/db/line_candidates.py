"""The query for claims that a line of a statement may be about by its card and day."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Select, select

from app.db.claims import CLAIM, ClaimRecord
from app.db.scoping import claims_in
from app.db.statements import query
from app.db.tables import claims
from app.domain.claims import SENT
from app.domain.data_scope import DataScope

FOUND_MAX: Final = 200


@query(ClaimRecord)
def of_days(scope: DataScope, provider: str, payer: str, days: Sequence[date], cards: Sequence[str]) -> Select[Any]:
    """Sent claims of these days with one of these cards, at most 200."""
    table = claims.c
    found = select(*CLAIM).where(claims_in(scope), table.provider_cnes == provider, table.payer_ans == payer)
    found = found.where(table.service_date.in_(days), table.card_number.in_(cards), table.status.in_(sorted(SENT)))
    return found.order_by(table.id).limit(FOUND_MAX)
