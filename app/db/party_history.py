"""Queries on the history of parties: one row per change, written in the transaction of the change."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.children import Children
from app.db.party_tables import party_history
from app.db.records import columns, insert_records
from app.db.scoping import party_steps_in
from app.db.statements import query
from app.domain.data_scope import DataScope
from app.domain.parties import PartyAction
from app.values.frozen import frozen


@frozen
class PartyStep:
    """A change of a party, and its state after it; `fields` names what changed, `other_id` a merged patient."""

    id: str
    party_id: str
    action: PartyAction
    version: int
    is_active: bool
    fields: tuple[str, ...]
    other_id: str | None
    actor: str
    at: datetime


PARTY_STEP = columns(party_history, PartyStep)


async def insert_party_steps(connection: AsyncConnection, steps: Sequence[PartyStep]) -> None:
    """Append steps of parties; they are never changed."""
    await insert_records(connection, party_history, steps)


def _visible(scope: DataScope) -> Select[Any]:
    return select(*PARTY_STEP).where(party_steps_in(scope))


OF_PARTY: Final = Children(_visible, party_history.c.party_id, PartyStep)


@query(PartyStep)
def by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The steps with these ids, of parties within the scope."""
    return _visible(scope).where(party_history.c.id.in_(ids))
