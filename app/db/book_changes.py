"""Which months of the books have changed since they were added up, as the event log says.

Every change of a claim, a denial, an invoice, a payment or an unapplied credit has an event in its own transaction, so
a snapshot that sees the change sees the event. An event without a position was committed after the last position was
read, or may have been.
"""

from collections.abc import Sequence
from typing import Any, Final

import orjson
from sqlalchemy import ColumnElement, Select, and_, or_, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.breakdowns import Grouping
from app.db.filters import Condition, equal
from app.db.queue_tables import unapplied_credits
from app.db.reconciliation import LedgerFilter
from app.db.scoping import events_in
from app.db.tables import claim_history, claims, invoice_lines, outbox
from app.domain.claims import ClaimAction
from app.domain.data_scope import DataScope
from app.domain.reconciliation import Period

DELETED_MAX: Final = 100
_WITHDRAWALS: Final = ("ClaimWithdrawn", "ClaimReturned")


async def changed_months(
    connection: AsyncConnection, scope: DataScope, where: LedgerFilter, *, after: int, days: Period
) -> set[str] | None:
    """The months, such as `202611`, that events after a position have changed, of the filter's parties within the
    scope; None if any may have changed. `days` are those of the months that were ever added up."""
    changed = _changed(scope, where, after)
    deleted = (await connection.execute(_deleted(scope, where, after))).all()
    if len(deleted) > DELETED_MAX or any(was_submitted for _, was_submitted in deleted):
        return None
    replaced = [orjson.loads(data)["replaces"] for data, _ in deleted]
    ids = select(outbox.c.aggregate_id).where(changed)
    month = Grouping(("MONTH",), days).month
    found = await connection.execute(union(*_months(ids, [each for each in replaced if each], month)))
    return {row[0] for row in found.all() if row[0] is not None}


def _changed(scope: DataScope, where: LedgerFilter, after: int) -> Condition:
    table = outbox.c
    parts = equal((table.payer_ans, where.payer), (table.provider_cnes, where.provider))
    return and_(or_(table.position > after, table.position.is_(None)), events_in(scope), *parts)


def _deleted(scope: DataScope, where: LedgerFilter, after: int) -> Select[Any]:
    """Events of deleted claims, and whether the claim was with the payer before: nothing else says when it was sent."""
    back = outbox.alias("back")
    was_submitted = select(back.c.id).where(back.c.aggregate_id == outbox.c.aggregate_id, back.c.name.in_(_WITHDRAWALS))
    is_deleted = outbox.c.name == "ClaimDeleted"
    query = select(outbox.c.data, was_submitted.exists()).where(_changed(scope, where, after), is_deleted)
    return query.limit(DELETED_MAX + 1)


def _months(ids: Select[Any], replaced: Sequence[str], month: Any) -> list[Select[Any]]:
    """The months of what has changed: claims, those that they replace, what invoices bill, and unapplied credits."""
    claim, line = claims.c, invoice_lines.c
    newer = claims.alias("newer")
    submission: ColumnElement[Any] = month(claim.submitted_at)
    lines = select(submission).join(invoice_lines, line.claim_id == claim.id)
    older = select(submission).join(newer, newer.c.replaces_id == claim.id)
    # A claim that is with the payer no more was counted in the month of an earlier submission.
    earlier = select(month(claim_history.c.at)).where(claim_history.c.action == ClaimAction.SUBMIT)
    return [
        select(submission).where(or_(claim.id.in_(ids), claim.id.in_(replaced))),
        older.where(newer.c.id.in_(ids)),
        earlier.where(claim_history.c.claim_id.in_(ids)),
        lines.where(line.invoice_id.in_(ids)),
        select(month(line.created_at)).where(line.invoice_id.in_(ids)),
        select(month(unapplied_credits.c.created_at)).where(unapplied_credits.c.id.in_(ids)),
    ]
