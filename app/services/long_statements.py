"""Statements that are too long for the request that sends them: a job imports them (`statement_imports.py`)."""

from app.db.imports import ImportJobRecord
from app.domain.documents import DocumentKind
from app.domain.errors import ErrorCode, refuse
from app.domain.statement import Statement
from app.services import import_jobs, parties
from app.unit_of_work.unit import UnitOfWork


async def queue(unit: UnitOfWork, *, statement: Statement, document_id: str) -> ImportJobRecord:
    """Queue the import of a long statement, of which the caller has said this; NOT_FOUND, INVALID_INPUT for one that
    is no XML, CONFLICT after too many others."""
    document = await import_jobs.document_of(unit, document_id)
    if document.kind is not DocumentKind.XML:
        raise refuse(ErrorCode.INVALID_INPUT, "send a TISS document as XML", "content.documentId")
    await parties.check(unit.connection, unit.scope, provider=statement.provider, payer=statement.payer)
    return await import_jobs.queue(unit, document, (statement.provider, statement.payer), statement)
