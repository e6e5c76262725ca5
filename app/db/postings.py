"""Queries on postings of statements that are done in units, and their leases."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Update, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import run
from app.db.filters import Condition
from app.db.posting_tables import remittance_postings
from app.db.records import columns, insert_records, row
from app.db.statements import query_one, writing
from app.domain.actor import Actor
from app.values.frozen import frozen


@frozen
class PostingRecord:
    """The last posting of a statement that went on after its call; `posted` and `put_back` count lines."""

    remittance_id: str
    actor: Actor
    started_at: datetime
    ended_at: datetime | None
    posted: int
    put_back: int


POSTING = columns(remittance_postings, PostingRecord)


async def start(connection: AsyncConnection, record: PostingRecord) -> None:
    """Start a posting of the remittance, which the caller has locked, anew if there was one before."""
    table = remittance_postings
    anew = row(record) | {"lease_holder": None, "lease_until": None}
    if not await run(connection, update(table).where(table.c.remittance_id == record.remittance_id).values(**anew)):
        await insert_records(connection, table, [record])


@query_one(PostingRecord)
def of_remittance(remittance_id: str) -> Select[Any]:
    """The last posting of a remittance that the caller has found within its data scope."""
    return select(*POSTING).where(remittance_postings.c.remittance_id == remittance_id)


@writing
def advance(remittance_id: str, holder: str, posted: int, put_back: int, ended_at: datetime | None) -> Update:
    """Count the lines of a unit, and end the posting if it was the last one; nothing happens if it is not held."""
    table = remittance_postings.c
    counts = {"posted": table.posted + posted, "put_back": table.put_back + put_back}
    return update(remittance_postings).where(_is_held(remittance_id, holder)).values(**counts, ended_at=ended_at)


@writing
def stop(remittance_id: str, now: datetime) -> Update:
    """End a posting before its last unit, of a remittance that the caller has locked; its holder loses it."""
    table = remittance_postings.c
    going_on = update(remittance_postings).where(table.remittance_id == remittance_id, table.ended_at.is_(None))
    return going_on.values(ended_at=now, lease_holder=None, lease_until=None)


# The lease


def _is_free(now: datetime | ColumnElement[datetime]) -> Condition:
    table = remittance_postings.c
    return and_(table.ended_at.is_(None), or_(table.lease_until.is_(None), table.lease_until < now))


@query_one(PostingRecord)
def next_free(now: ColumnElement[datetime]) -> Select[Any]:
    """The oldest posting that has not ended and that no process holds, if there is one."""
    return select(*POSTING).where(_is_free(now)).order_by(remittance_postings.c.remittance_id).limit(1)


@writing
def take(remittance_id: str, holder: str, now: datetime, until: datetime) -> Update:
    """Take the lease, if no process holds it."""
    table = remittance_postings.c
    taken = update(remittance_postings).where(table.remittance_id == remittance_id, _is_free(now))
    return taken.values(lease_holder=holder, lease_until=until)


@writing
def renew(remittance_id: str, holder: str, until: datetime) -> Update:
    """Renew the lease, if it is still the holder's."""
    return update(remittance_postings).where(_is_held(remittance_id, holder)).values(lease_until=until)


@writing
def give_back(remittance_id: str, holder: str) -> Update:
    """Let another process go on at once."""
    free = {"lease_holder": None, "lease_until": None}
    return update(remittance_postings).where(_is_held(remittance_id, holder)).values(**free)


def _is_held(remittance_id: str, holder: str) -> Condition:
    table = remittance_postings.c
    return and_(table.remittance_id == remittance_id, table.lease_holder == holder, table.ended_at.is_(None))
