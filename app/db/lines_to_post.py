"""Queries on the lines of a statement that are to be posted."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, Update, update

from app.db.remittance_tables import remittance_lines
from app.db.remittances import RemittanceLineRecord, visible_lines
from app.db.statements import query, writing
from app.domain.data_scope import DataScope
from app.domain.remittances import RemittanceLineAction, RemittanceLineStatus, next_line_status


@query(RemittanceLineRecord)
def next_matched(scope: DataScope, remittance_id: str, limit: int) -> Select[Any]:
    """The first matched lines of a remittance that the caller has locked, in statement order."""
    return _matched(scope, remittance_id).order_by(remittance_lines.c.sequence).limit(limit)


@query(RemittanceLineRecord)
def matched_of_claims(scope: DataScope, remittance_id: str, claim_ids: Sequence[str]) -> Select[Any]:
    """The matched lines of these claims in a remittance that the caller has locked, in statement order."""
    of_claims = _matched(scope, remittance_id).where(remittance_lines.c.claim_id.in_(claim_ids))
    return of_claims.order_by(remittance_lines.c.sequence)


def _matched(scope: DataScope, remittance_id: str) -> Select[Any]:
    table = remittance_lines.c
    return visible_lines(scope).where(
        table.remittance_id == remittance_id, table.status == RemittanceLineStatus.MATCHED
    )


@writing
def pay_lines(remittance_id: str) -> Update:
    """Match the posted and the held lines that pay something again, of a remittance that the caller has locked."""
    table = remittance_lines.c
    posted = update(remittance_lines).where(table.remittance_id == remittance_id, table.paid_cents != 0)
    posted = posted.where(table.status.in_((RemittanceLineStatus.POSTED, RemittanceLineStatus.HELD)))
    status = next_line_status(RemittanceLineStatus.POSTED, RemittanceLineAction.PAY)
    return posted.values(status=status, posted_at=None)
