"""Queries on the lines of a statement that are to be posted."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, Update, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import remittances as remittances_db
from app.db.remittance_tables import remittance_lines
from app.db.remittances import RemittanceLineRecord, visible_lines
from app.db.statements import query, writing
from app.domain.data_scope import DataScope
from app.domain.remittances import RemittanceLineAction, RemittanceLineStatus, next_line_status


@query(RemittanceLineRecord)
def next_matched(scope: DataScope, remittance_id: str, limit: int) -> Select[Any]:
    """The first matched lines of a remittance that the caller has locked, in statement order."""
    first = _matched(scope, remittance_id).order_by(remittance_lines.c.sequence).limit(limit)
    # By the other index, which is in this order too, each unit would look at all lines that are posted already.
    return first.with_hint(remittance_lines, "FORCE INDEX (ix_remittance_lines_remittance_id_status_sequence)", "mysql")


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


async def pay_lines(connection: AsyncConnection, remittance_id: str) -> None:
    """Match the posted and the held lines that pay something again, of a remittance that the caller has locked."""
    for first, last in await remittances_db.slices(connection, remittance_id):
        await _pay_lines(connection, remittance_id, first, last)


@writing
def _pay_lines(remittance_id: str, first: int, last: int) -> Update:
    table = remittance_lines.c
    of_slice = (table.remittance_id == remittance_id, table.sequence.between(first, last))
    posted = update(remittance_lines).where(*of_slice, table.paid_cents != 0)
    posted = posted.where(table.status.in_((RemittanceLineStatus.POSTED, RemittanceLineStatus.HELD)))
    status = next_line_status(RemittanceLineStatus.POSTED, RemittanceLineAction.PAY)
    return posted.values(status=status, posted_at=None)
