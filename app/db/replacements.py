"""The one condition under which a claim no longer counts: it is superseded by an active claim."""

from sqlalchemy import ColumnElement, select

from app.db.tables import claims
from app.domain.claims import ClaimStatus


def is_replaced() -> ColumnElement[bool]:
    """Whether a claim that is not cancelled replaces the claim of the row."""
    other = claims.alias("replacement")
    is_active = other.c.status != ClaimStatus.CANCELLED
    return select(other.c.id).where(other.c.replaces_id == claims.c.id, is_active).correlate(claims).exists()
