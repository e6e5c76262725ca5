"""Documents that callers upload: stored as they arrive, compressed, and read again part by part."""

import asyncio
import contextlib
import hashlib
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final, TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import clock
from app.db import documents as documents_db
from app.db.documents import ChunkRecord, DocumentRecord, UploadRecord
from app.db.engine import Database, DatabaseUnavailable
from app.domain import ids
from app.domain.actor import Actor
from app.domain.data_scope import DataScope
from app.domain.documents import KIND_BYTES, DocumentKind, kind_of
from app.domain.errors import BillingError, ErrorCode, Failure, not_found, refuse
from app.unit_of_work.action import Action
from app.unit_of_work.run import Changes
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

Message = TypeVar("Message")
CHUNK_BYTES: Final = 256 * 1024
"""Compressed bytes of a row, about: far below what servers accept in a statement."""
LEVEL: Final = 1
"""TISS documents shrink to a tenth at the fastest level already."""
ABANDONED_AFTER: Final = timedelta(hours=1)
"""What an upload has left is deleted after this time, and one that is still going on is refused at its end."""
UPLOADS_AT_ONCE: Final = 100


@frozen
class NewDocument:
    """A document whose chunks are stored under its id."""

    id: str
    digest: str
    size: int
    kind: DocumentKind


class Upload:
    """One document while it arrives: `begin`, `add` for each part, then `finish`, or `abandon`.

    It holds less than two chunks in memory, whatever the size.
    """

    def __init__(self, database: Database) -> None:
        self.id = ids.new_id(ids.DOCUMENT)
        self._database = database
        self._hash = hashlib.sha256()
        self._compress = zlib.compressobj(LEVEL)
        self._start = b""
        self._size = self._chunks = 0
        self._compressed = bytearray()

    async def begin(self) -> None:
        """Note that chunks will come; DatabaseUnavailable."""

        async def work(connection: AsyncConnection) -> None:
            await documents_db.begin_upload(connection, UploadRecord(self.id, await clock.now(connection)))

        await self._database.transact(work, is_repeatable=False)

    async def add(self, part: bytes) -> None:
        """Store the next part."""
        self._size += len(part)
        self._start = (self._start + part[:KIND_BYTES])[:KIND_BYTES]
        await asyncio.to_thread(self._squeeze, part)
        if len(self._compressed) >= CHUNK_BYTES:
            await self._store()

    def _squeeze(self, part: bytes) -> None:
        self._hash.update(part)
        self._compressed += self._compress.compress(part)

    async def _store(self) -> None:
        record = ChunkRecord(self.id, self._chunks, bytes(self._compressed))
        await self._database.transact(
            lambda connection: documents_db.insert_chunk(connection, record), is_repeatable=False
        )
        self._chunks += 1
        self._compressed.clear()

    async def finish(self, changes: Changes, actor: Actor) -> DocumentRecord:
        """The stored document; the one that was stored before if the actor has uploaded the same bytes already."""
        self._compressed += self._compress.flush()
        await self._store()
        new = NewDocument(self.id, self._hash.hexdigest(), self._size, kind_of(self._start))
        try:
            return (await changes.run(STORE, actor, {"document": new})).value
        except IntegrityError:
            # The same bytes have been stored at this moment: this time they are found.
            return (await changes.run(STORE, actor, {"document": new})).value

    async def abandon(self) -> None:
        """Delete what has been stored; without a database, `remove_abandoned` does it later."""
        with contextlib.suppress(DatabaseUnavailable):
            await _remove(self._database, self.id)


async def store(unit: UnitOfWork, *, document: NewDocument) -> DocumentRecord:
    """The document as a row, once for the same bytes of one caller with one data scope."""
    provider, payer = _only_provider(unit.scope), unit.scope.payer
    if not await documents_db.end_upload(unit.connection, document.id):
        raise refuse(ErrorCode.CONFLICT, "the upload took too long and was given up: send the document again", None)
    uploaded_for = f"{provider or ''}/{payer or ''}"
    known = await documents_db.uploaded(unit.connection, unit.subject, document.digest, uploaded_for)
    if known is not None:
        await documents_db.delete_chunks(unit.connection, document.id)
        await documents_db.renew(unit.connection, known.id, unit.now)
        unit.changed(known.id)
        return known
    record = DocumentRecord(
        document.id,
        document.digest,
        document.size,
        document.kind,
        provider,
        payer,
        unit.subject,
        uploaded_for,
        unit.now,
        unit.now,
    )
    await documents_db.insert_document(unit.connection, record)
    unit.changed(record.id)
    return record


def _only_provider(scope: DataScope) -> str | None:
    """The provider of a caller who has only one."""
    return next(iter(scope.providers)) if len(scope.providers) == 1 and not scope.any_provider else None


async def content(database: Database, document_id: str) -> AsyncIterator[bytes]:
    """The bytes of a document in parts, as they were sent; the caller has found it within the data scope."""
    decompress = zlib.decompressobj()
    sequence = 0
    while True:
        async with database.reading() as connection:
            chunk = await documents_db.chunk(connection, document_id, sequence)
        if chunk is None:
            return
        left = chunk.content
        while left:
            # A chunk may hold a thousand times its size.
            yield await asyncio.to_thread(decompress.decompress, left, CHUNK_BYTES)
            left = decompress.unconsumed_tail
        sequence += 1


async def small_content(unit: UnitOfWork, document_id: str, bytes_max: int, too_large: Failure) -> bytes:
    """The bytes of a document of at most so many, within the transaction that stores what it says, so that it counts as
    used; NOT_FOUND outside the data scope, `too_large` for a longer one."""
    found = await documents_db.by_ids(unit.connection, unit.scope, [document_id], unit.subject)
    if not found:
        raise not_found("document", "documentId")
    if found[0].size > bytes_max:
        raise BillingError(too_large)
    await documents_db.use(unit.connection, document_id)
    decompress, read, sequence = zlib.decompressobj(), bytearray(), 0
    while (chunk := await documents_db.chunk(unit.connection, document_id, sequence)) is not None:
        read += decompress.decompress(chunk.content, bytes_max)
        sequence += 1
    return bytes(read)


async def message_in(
    unit: UnitOfWork, document_id: str, read: Callable[[bytes], Message], bytes_max: int, too_large: Failure
) -> Message:
    """What a child process reads in a document of at most so many bytes; its objections are at `documentId`."""
    content = await small_content(unit, document_id, bytes_max, too_large)
    try:
        return await unit.children.run(read, content)
    except BillingError as error:
        raise BillingError(*(replace(each, field="documentId") for each in error.failures)) from None


async def remove_abandoned(database: Database) -> int:
    """Delete what uploads that never ended have left; how many there were."""
    async with database.reading() as connection:
        before = await clock.now(connection) - ABANDONED_AFTER
        found = await documents_db.begun_before(connection, before, UPLOADS_AT_ONCE)
    for each in found:
        await _remove(database, each.id)
    return len(found)


async def _remove(database: Database, upload_id: str) -> None:
    async def work(connection: AsyncConnection) -> None:
        # Ends with it in any other transaction: a document that is stored meanwhile keeps its chunks.
        if await documents_db.end_upload(connection, upload_id):
            await documents_db.delete_chunks(connection, upload_id)

    await database.transact(work)


STORE: Final = Action("uploadDocument", store)
"""Used by POST /documents, which checks the permission."""
