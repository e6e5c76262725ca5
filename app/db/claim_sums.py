"""Sums over claims."""

from typing import Final

from sqlalchemy import select

from app.db.sums import Amounts, total
from app.db.tables import claims, invoice_lines
from app.domain.money import Cents
from app.values.frozen import frozen


@frozen
class ClaimSums:
    """Sums over claims, in cents; `paid` is what payments have settled of their invoice lines."""

    claimed_cents: Cents
    approved_cents: Cents
    denied_cents: Cents
    patient_cents: Cents
    paid_cents: Cents


_PAID = select(total(invoice_lines.c.settled_cents)).where(invoice_lines.c.claim_id == claims.c.id).scalar_subquery()
_DECIDED = (claims.c.approved_cents, claims.c.denied_cents, claims.c.patient_cents)
AMOUNTS: Final = Amounts(ClaimSums, (claims.c.claimed_cents, *_DECIDED, _PAID))
