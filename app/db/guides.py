"""Queries on the TISS guides that claims came as."""

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, literal, select
from sqlalchemy import insert as insert_into
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import run
from app.db.guide_tables import claim_guides
from app.db.records import columns, insert_records
from app.db.statements import query
from app.values.frozen import frozen


@frozen
class GuideRecord:
    """The guide of a claim: its element as XML, compressed by zlib, and the version of TISS."""

    claim_id: str
    version: str
    content: bytes
    document_id: str | None
    created_at: datetime

    @property
    def xml(self) -> bytes:
        """The element as it came."""
        return zlib.decompress(self.content)


GUIDE = columns(claim_guides, GuideRecord)


async def insert(connection: AsyncConnection, record: GuideRecord) -> None:
    """The guide of a new claim."""
    await insert_records(connection, claim_guides, [record])


async def copy(connection: AsyncConnection, from_claim: str, to_claim: str) -> None:
    """The guide of a claim for the claim that replaces it, if there is one."""
    own = [literal(to_claim), *(each for each in GUIDE if each.name != "claim_id")]
    names = ["claim_id", *(each.name for each in GUIDE if each.name != "claim_id")]
    rows = select(*own).where(claim_guides.c.claim_id == from_claim)
    await run(connection, insert_into(claim_guides).from_select(names, rows))


async def delete_of_draft(connection: AsyncConnection, claim_id: str) -> None:
    """The guide of a draft that is deleted, if there is one."""
    await run(connection, delete(claim_guides).where(claim_guides.c.claim_id == claim_id))


@query(GuideRecord)
def of_claims(claim_ids: Sequence[str]) -> Select[Any]:
    """The guides of those of these claims that came as documents; the caller has found the claims in its data scope."""
    return select(*GUIDE).where(claim_guides.c.claim_id.in_(claim_ids))
