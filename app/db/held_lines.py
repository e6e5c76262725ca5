"""Queries on held lines: those that wait, posted for now, for what the payer says of the rest of their claim."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.remittance_tables import remittance_lines, remittances
from app.db.remittances import REMITTANCE, RemittanceLineRecord, RemittanceRecord, visible_lines
from app.db.scoping import remittances_in
from app.db.statements import query
from app.domain.data_scope import DataScope
from app.domain.remittances import RemittanceLineStatus

_TABLE = remittance_lines.c
_HELD = _TABLE.status == RemittanceLineStatus.HELD


@query(RemittanceLineRecord)
def of_claims(scope: DataScope, claim_ids: Sequence[str]) -> Select[Any]:
    """The held lines of these claims, in the order of their import."""
    return visible_lines(scope).where(_TABLE.claim_id.in_(claim_ids), _HELD).order_by(_TABLE.id)


async def remittances_of(connection: AsyncConnection, claim_ids: Sequence[str]) -> list[str]:
    """The remittances with held lines of these claims, in id order, without a data scope: they are of their payer."""
    found = select(_TABLE.remittance_id).where(_TABLE.claim_id.in_(claim_ids), _HELD).distinct()
    return sorted((await connection.execute(found)).scalars())


async def remittances_beside(
    connection: AsyncConnection, scope: DataScope, remittance_id: str, lines_max: int
) -> list[str]:
    """The remittances with held lines of claims that the first matched lines of a remittance name, in id order."""
    own = select(_TABLE.claim_id).where(_TABLE.remittance_id == remittance_id)
    own = own.where(_TABLE.status == RemittanceLineStatus.MATCHED).order_by(_TABLE.sequence).limit(lines_max)
    first = own.subquery()
    found = select(_TABLE.remittance_id).join(first, first.c.claim_id == _TABLE.claim_id)
    found = found.join(remittances, remittances.c.id == _TABLE.remittance_id)
    found = found.where(_HELD, remittances_in(scope)).distinct()
    return sorted((await connection.execute(found)).scalars())


@query(RemittanceRecord)
def lock_free(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """Those of these remittances that no other transaction has locked, locked without waiting."""
    found = select(*REMITTANCE).where(remittances.c.id.in_(ids), remittances_in(scope)).order_by(remittances.c.id)
    return found.with_for_update(skip_locked=True)
