"""Queries on the attachments of appeals."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.appeal_tables import appeal_attachments
from app.db.document_tables import documents
from app.db.engine import run
from app.db.records import columns, insert_records
from app.db.scoping import claims_in
from app.db.statements import query, query_one
from app.db.tables import claims, denials
from app.domain.data_scope import DataScope
from app.domain.documents import DocumentKind
from app.values.frozen import frozen


@frozen
class AppealAttachmentRecord:
    """A file with an appeal; `document_id` is None once it was removed."""

    id: str
    denial_id: str
    appeal_instance: int
    document_id: str | None
    file_name: str
    digest: str
    size: int
    kind: DocumentKind
    created_by: str
    created_at: datetime
    removed_at: datetime | None


ATTACHMENT = columns(appeal_attachments, AppealAttachmentRecord)


def _visible(scope: DataScope) -> Select[Any]:
    table = appeal_attachments.c
    joined = select(*ATTACHMENT).join(denials, denials.c.id == table.denial_id)
    joined = joined.join(claims, claims.c.id == denials.c.claim_id)
    return joined.where(claims_in(scope), table.removed_at.is_(None))


@query(AppealAttachmentRecord)
def of_denials(scope: DataScope, denial_ids: Sequence[str]) -> Select[Any]:
    """The attachments of appeals against these denials, oldest first."""
    table = appeal_attachments.c
    return _visible(scope).where(table.denial_id.in_(denial_ids)).order_by(table.denial_id, table.id)


@query_one(AppealAttachmentRecord)
def one(scope: DataScope, attachment_id: str) -> Select[Any]:
    """An attachment within the scope that was not removed."""
    return _visible(scope).where(appeal_attachments.c.id == attachment_id)


async def insert(connection: AsyncConnection, record: AppealAttachmentRecord) -> None:
    """Add an attachment; the caller has locked the claim."""
    await insert_records(connection, appeal_attachments, [record])


async def remove(connection: AsyncConnection, records: Sequence[AppealAttachmentRecord], now: datetime) -> None:
    """Remove attachments of a claim that the caller has locked: their rows stay, and their documents are deleted like
    all that nothing refers to."""
    ids = [each.id for each in records]
    used = [each.document_id for each in records if each.document_id is not None]
    table = appeal_attachments.c
    await run(
        connection,
        update(appeal_attachments).where(table.id.in_(ids)).values(removed_at=now, document_id=None),
    )
    await run(connection, update(documents).where(documents.c.id.in_(used)).values(unused_since=now))
