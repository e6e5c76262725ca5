"""The one condition on which a claim is out of the books: a living claim replaces it."""

from sqlalchemy import ColumnElement, select

from app.db.tables import claims
from app.domain.claims import ClaimStatus


def is_replaced() -> ColumnElement[bool]:
    """Whether a claim that is not cancelled replaces the claim of the row."""
    other = claims.alias("replacement")
    living = (other.c.replaces_id == claims.c.id, other.c.status != ClaimStatus.CANCELLED)
    return select(other.c.id).where(*living).correlate(claims).exists()
