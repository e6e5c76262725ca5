"""Queries on uploaded documents and their chunks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Delete, Select, Update, delete, false, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.document_tables import document_chunks, document_uploads, documents
from app.db.filters import Condition
from app.db.records import columns, insert_records
from app.db.scoping import documents_in
from app.db.statements import query, query_one, writing
from app.domain.data_scope import DataScope
from app.domain.documents import DocumentKind
from app.values.frozen import frozen


@frozen
class DocumentRecord:
    id: str
    digest: str
    size: int
    kind: DocumentKind
    provider_cnes: str | None
    payer_ans: str | None
    created_by: str
    uploaded_for: str
    created_at: datetime
    unused_since: datetime | None


@frozen
class UploadRecord:
    """An upload that has not ended."""

    id: str
    started_at: datetime


@frozen
class ChunkRecord:
    """A part of the compressed bytes; `sequence` counts from 0."""

    document_id: str
    sequence: int
    content: bytes


DOCUMENT = columns(documents, DocumentRecord)
UPLOAD = columns(document_uploads, UploadRecord)
CHUNK = columns(document_chunks, ChunkRecord)


def _is_own(scope: DataScope, subject: str) -> Condition:
    """Whether the caller uploaded it: whose it is is not known before it was read."""
    if scope.is_empty or scope.patient is not None:
        return false()
    return documents.c.created_by == subject


def _visible(scope: DataScope, subject: str) -> Select[Any]:
    return select(*DOCUMENT).where(or_(documents_in(scope), _is_own(scope, subject)))


@query(DocumentRecord)
def by_ids(scope: DataScope, ids: Sequence[str], subject: str = "") -> Select[Any]:
    """The documents with these ids that are of the scope, or that the subject has uploaded."""
    return _visible(scope, subject).where(documents.c.id.in_(ids))


@query_one(DocumentRecord)
def uploaded(subject: str, digest: str, uploaded_for: str) -> Select[Any]:
    """The document with these bytes that the subject has uploaded before, for the same provider and payer."""
    table = documents.c
    same = (table.created_by == subject, table.digest == digest, table.uploaded_for == uploaded_for)
    return select(*DOCUMENT).where(*same)


async def insert_document(connection: AsyncConnection, record: DocumentRecord) -> None:
    """Store a new document; IntegrityError if its subject has stored the same bytes at this moment."""
    await insert_records(connection, documents, [record])


@writing
def use(document_id: str) -> Update:
    """What the document says is stored, so it stays, although no row refers to it."""
    return update(documents).where(documents.c.id == document_id).values(unused_since=None)


@writing
def renew(document_id: str, now: datetime) -> Update:
    """The document was uploaded again: if nothing refers to it, its age counts from now."""
    table = documents.c
    return update(documents).where(table.id == document_id, table.unused_since.is_not(None)).values(unused_since=now)


async def begin_upload(connection: AsyncConnection, record: UploadRecord) -> None:
    """Note that chunks will come."""
    await insert_records(connection, document_uploads, [record])


@writing
def end_upload(upload_id: str) -> Delete:
    """The upload has ended: its chunks belong to a document, or are gone."""
    return delete(document_uploads).where(document_uploads.c.id == upload_id)


@query(UploadRecord)
def begun_before(moment: datetime, limit: int) -> Select[Any]:
    """The oldest uploads that began before this moment and have not ended."""
    table = document_uploads.c
    return select(*UPLOAD).where(table.started_at < moment).order_by(table.started_at).limit(limit)


async def insert_chunk(connection: AsyncConnection, record: ChunkRecord) -> None:
    """Store the next chunk."""
    await insert_records(connection, document_chunks, [record])


@query_one(ChunkRecord)
def chunk(document_id: str, sequence: int) -> Select[Any]:
    """The chunk with this number; None after the last one. Ask for a document within a scope before."""
    table = document_chunks.c
    return select(*CHUNK).where(table.document_id == document_id, table.sequence == sequence)


@writing
def delete_chunks(document_id: str) -> Delete:
    """Delete all chunks of a document that is not stored."""
    return delete(document_chunks).where(document_chunks.c.document_id == document_id)
