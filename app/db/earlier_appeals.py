"""Queries on appeals of the first instance, whose denials were upheld and can be appealed once more."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.appeal_tables import earlier_appeals
from app.db.denials import DENIAL, DenialRecord
from app.db.records import columns, insert_records
from app.db.scoping import claims_in
from app.db.statements import query, query_one
from app.db.tables import claims, denials
from app.domain.data_scope import DataScope
from app.values.frozen import frozen


@frozen
class EarlierAppealRecord:
    denial_id: str
    appeal_instance: int
    appealed_cents: int
    justification: str | None
    appealed_at: datetime
    answered_cents: int
    payer_justification: str | None
    answered_at: datetime
    appeal_deadline: date


EARLIER = columns(earlier_appeals, EarlierAppealRecord)
_OF_APPEAL = {column.name for column in EARLIER} - {"denial_id"}


@query(DenialRecord)
def of_denials(scope: DataScope, denial_ids: Sequence[str]) -> Select[Any]:
    """These denials as they were when their earlier appeals were answered, the first instance first."""
    table = earlier_appeals.c
    as_they_were = [table[each.name] if each.name in _OF_APPEAL else each for each in DENIAL]
    joined = select(*as_they_were).join(denials, denials.c.id == table.denial_id)
    joined = joined.join(claims, claims.c.id == denials.c.claim_id)
    chosen = joined.where(claims_in(scope), table.denial_id.in_(denial_ids))
    return chosen.order_by(table.denial_id, table.appeal_instance)


@query_one(EarlierAppealRecord)
def of_instance(denial_id: str, instance: int) -> Select[Any]:
    """The appeal of an earlier instance against a denial whose claim the caller has locked."""
    table = earlier_appeals.c
    return select(*EARLIER).where(table.denial_id == denial_id, table.appeal_instance == instance)


async def insert(connection: AsyncConnection, record: EarlierAppealRecord) -> None:
    """An appeal whose denial was upheld and can be appealed again; it is never changed."""
    await insert_records(connection, earlier_appeals, [record])
