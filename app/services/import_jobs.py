"""Import jobs before they begin: queued, each for a document, and found again by their callers."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from app.db import documents as documents_db
from app.db import imports as imports_db
from app.db.documents import DocumentRecord
from app.db.imports import ImportJobRecord, NewImportJob
from app.domain import ids
from app.domain.actor import Door
from app.domain.documents import DocumentKind
from app.domain.errors import conflict, not_found
from app.domain.imports import ImportJobKind, ImportJobStatus
from app.domain.statement import Statement
from app.unit_of_work.unit import UnitOfWork

SMALL_BYTES: Final = 2 * 1024 * 1024
"""One batch of 100 guides with some hundred bytes for each item: imported in a few seconds."""
RESERVED: Final = timedelta(seconds=5)
"""How long the process whose caller waits has, before others may take the job."""
OPEN_MAX: Final = 20
"""Jobs of one caller that have not ended."""
Parties = tuple[str | None, str | None]
"""Provider and payer, as far as they are known."""


async def queue(
    unit: UnitOfWork, document: DocumentRecord, of: Parties, statement: Statement | None = None
) -> ImportJobRecord:
    """Queue the import of the document, as a statement if that is given; CONFLICT after too many others."""
    if await imports_db.count_open(unit.connection, unit.subject) >= OPEN_MAX:
        raise conflict(f"{OPEN_MAX} of your imports have not ended: wait for one, or cancel one", "documentId")
    job = NewImportJob(
        id=ids.new_id(ids.IMPORT_JOB, at=unit.now),
        document_id=document.id,
        status=ImportJobStatus.QUEUED,
        provider_cnes=of[0],
        payer_ans=of[1],
        actor=replace(unit.actor, door=Door.IMPORT),
        total=0,
        taken=0,
        warned=0,
        unchanged=0,
        refused=0,
        lote=0,
        guide=0,
        failures=(),
        created_by=unit.subject,
        created_at=unit.now,
        started_at=None,
        ended_at=None,
        kind=ImportJobKind.BATCH if statement is None else ImportJobKind.STATEMENT,
        statement=statement,
        statements=None,
        lease_until=unit.now + RESERVED if statement is None and is_small(document) else None,
    )
    await imports_db.insert_job(unit.connection, job)
    unit.has_queued = True
    unit.changed(job.id)
    unit.changed(document.id)
    return job


def is_small(document: DocumentRecord) -> bool:
    """Whether the document is imported while its caller waits."""
    return document.kind is DocumentKind.XML and document.size <= SMALL_BYTES


async def document_of(unit: UnitOfWork, document_id: str) -> DocumentRecord:
    """The uploaded document; NOT_FOUND outside the data scope."""
    found = await documents_db.by_ids(unit.connection, unit.scope, [document_id], unit.subject)
    if not found:
        raise not_found("document", "documentId")
    return found[0]


async def by_id(unit: UnitOfWork, job_id: Any) -> ImportJobRecord:
    """The job of the first call with a key as it is now: it goes on after the answer."""
    found = await imports_db.by_ids(unit.connection, unit.scope, [job_id], unit.subject)
    if not found:
        raise not_found("import job", "idempotencyKey")
    return found[0]
