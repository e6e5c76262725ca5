"""Queries on import jobs, their leases and the results of single guides."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Update, and_, false, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.counting import count_of, row_count
from app.db.document_tables import documents
from app.db.filters import Condition, one_of
from app.db.import_tables import import_jobs, import_results
from app.db.pages import merged_page
from app.db.paging import Keyset
from app.db.records import columns, insert_records, update_columns
from app.db.scoping import imports_in
from app.db.statements import query, query_one, query_total, writing
from app.domain.actor import Actor
from app.domain.data_scope import DataScope
from app.domain.errors import Failure
from app.domain.imports import OPEN, ImportJobKind, ImportJobStatus, ImportOutcome, StatementImport
from app.domain.preflight import Finding
from app.domain.statement import Statement
from app.values.frozen import frozen


@frozen
class ImportJobRecord:
    id: str
    document_id: str
    status: ImportJobStatus
    provider_cnes: str | None
    payer_ans: str | None
    actor: Actor
    total: int
    taken: int
    warned: int
    unchanged: int
    refused: int
    lote: int
    guide: int
    failures: tuple[Failure, ...]
    created_by: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    kind: ImportJobKind
    statement: Statement | None
    statements: tuple[StatementImport, ...] | None

    @property
    def done(self) -> int:
        """How many guides or lines are done."""
        return self.taken + self.warned + self.unchanged + self.refused


@frozen
class NewImportJob(ImportJobRecord):
    """A job that others than who starts it may take only after `lease_until`."""

    lease_until: datetime | None


@frozen
class ImportResultRecord:
    id: str
    job_id: str
    position: int
    file: str | None
    number: str
    outcome: ImportOutcome
    claim_id: str | None
    failures: tuple[Failure, ...]
    warnings: tuple[Finding, ...]


@frozen
class ResultFilter:
    """The results of one job; None for those of every outcome."""

    job_id: str
    outcomes: tuple[ImportOutcome, ...] | None = None


@frozen
class JobPlace:
    """Where a job goes on, and how many guides have each outcome by then."""

    lote: int
    guide: int
    taken: int
    warned: int
    unchanged: int
    refused: int


JOB = columns(import_jobs, ImportJobRecord)
RESULT = columns(import_results, ImportResultRecord)


def _is_visible(scope: DataScope, subject: str) -> Condition:
    """Whether the job is of the scope, or the caller's own."""
    own = import_jobs.c.created_by == subject
    return or_(imports_in(scope), false() if scope.is_empty or scope.patient is not None else own)


@query(ImportJobRecord)
def by_ids(scope: DataScope, ids: Sequence[str], subject: str = "") -> Select[Any]:
    """The jobs with these ids that are of the scope, or that the subject has started."""
    return select(*JOB).where(_is_visible(scope, subject), import_jobs.c.id.in_(ids))


@query_one(ImportJobRecord)
def lock(scope: DataScope, job_id: str, subject: str = "") -> Select[Any]:
    """The job, locked until the transaction ends."""
    return select(*JOB).where(_is_visible(scope, subject), import_jobs.c.id == job_id).with_for_update()


@query_total(int)
def count_open(subject: str) -> Select[Any]:
    """How many jobs of the subject have not ended."""
    table = import_jobs.c
    return select(func.count()).where(table.created_by == subject, table.status.in_(OPEN))


async def insert_job(connection: AsyncConnection, record: NewImportJob) -> None:
    """Store a new job, which nobody holds."""
    await insert_records(connection, import_jobs, [record])


# The lease


def _is_free(now: datetime | ColumnElement[datetime]) -> Condition:
    table = import_jobs.c
    return and_(table.status.in_(OPEN), or_(table.lease_until.is_(None), table.lease_until < now))


@query_one(ImportJobRecord)
def next_free(now: ColumnElement[datetime]) -> Select[Any]:
    """The oldest job that has not ended and that nobody holds."""
    return select(*JOB).where(_is_free(now)).order_by(import_jobs.c.id).limit(1)


@writing
def take(job_id: str, holder: str, now: datetime, until: datetime) -> Update:
    """Take the lease of a job, if nobody holds it; whoever has started it need not wait."""
    table = import_jobs.c
    is_new = and_(table.status == ImportJobStatus.QUEUED, table.lease_holder.is_(None))
    taken = update(import_jobs).where(table.id == job_id, or_(is_new, _is_free(now)))
    return taken.values(lease_holder=holder, lease_until=until)


@writing
def renew(job_id: str, holder: str, until: datetime) -> Update:
    """Renew the lease, if it is still the holder's."""
    return update(import_jobs).where(_is_held(job_id, holder)).values(lease_until=until)


@writing
def give_back(job_id: str, holder: str) -> Update:
    """Let another process go on at once."""
    return update(import_jobs).where(_is_held(job_id, holder)).values(lease_holder=None, lease_until=None)


def _is_held(job_id: str, holder: str) -> Condition:
    table = import_jobs.c
    return and_(table.id == job_id, table.lease_holder == holder, table.status.in_(OPEN))


# What a job has done


@writing
def begin(
    job_id: str,
    holder: str,
    status: ImportJobStatus,
    now: datetime,
    total: int,
    provider: str | None,
    payer: str | None,
) -> Update:
    """The document was opened; nothing happens if the job is held no more."""
    changed = {"status": status, "started_at": now, "total": total, "provider_cnes": provider, "payer_ans": payer}
    return update(import_jobs).where(_is_held(job_id, holder)).values(**changed)


@writing
def advance(job_id: str, holder: str, seen: JobPlace, new: JobPlace) -> Update:
    """A guide, or a document of a zip, is done. Nothing happens if the job is held no more, or was elsewhere."""
    table = import_jobs.c
    is_there = and_(table.lote == seen.lote, table.guide == seen.guide)
    done = {name: getattr(new, name) for name in ("lote", "guide", "taken", "warned", "unchanged", "refused")}
    return update(import_jobs).where(_is_held(job_id, holder), is_there).values(**done)


async def set_statements(connection: AsyncConnection, job: ImportJobRecord) -> None:
    """What is known of the statements of a job; the caller also begins or advances it, which shows who holds it."""
    await update_columns(connection, import_jobs, [job], "statements")


@writing
def set_parties(job_id: str, provider: str | None, payer: str | None) -> Update:
    """The job's provider and payer, or none if its guides have several."""
    return update(import_jobs).where(import_jobs.c.id == job_id).values(provider_cnes=provider, payer_ans=payer)


@writing
def set_parties_of_document(document_id: str, provider: str | None, payer: str | None) -> Update:
    """The same of the document."""
    return update(documents).where(documents.c.id == document_id).values(provider_cnes=provider, payer_ans=payer)


async def end(connection: AsyncConnection, ended: ImportJobRecord) -> None:
    """The job has ended; the caller holds its lock."""
    await update_columns(connection, import_jobs, [ended], "status", "ended_at", "failures")
    await _free(connection, ended.id)


@writing
def _free(job_id: str) -> Update:
    return update(import_jobs).where(import_jobs.c.id == job_id).values(lease_holder=None, lease_until=None)


# Results


async def insert_results(connection: AsyncConnection, records: Sequence[ImportResultRecord]) -> None:
    """Store the results of guides."""
    await insert_records(connection, import_results, records)


@query(ImportResultRecord)
def results_of(job_id: str, limit: int, after: int = 0) -> Select[Any]:
    """The first results after a position, of a job that the caller has found within a scope, in order."""
    table = import_results.c
    chosen = select(*RESULT).where(table.job_id == job_id, table.position > after)
    return chosen.order_by(table.position).limit(limit)


@query(ImportResultRecord)
def results_page(scope: DataScope, where: ResultFilter, keyset: Keyset, subject: str) -> Select[Any]:
    """A page of the results of one job that is of the scope, or that the subject has started.

    By position alone, which is unique within the job: for the id after it, every page would sort all of the job.
    """
    place, _ = keyset.order
    parts = [replace(where, outcomes=(each,)) for each in sorted(set(where.outcomes or ()))] or [where]
    found = [keyset.start(_results(scope, part, subject)) for part in parts]
    return merged_page([part.order_by(place).limit(keyset.limit) for part in found], keyset)


@query_total(row_count)
def count_results(scope: DataScope, where: ResultFilter, subject: str) -> Select[Any]:
    """How many results of the job match."""
    return count_of(_results(scope, where, subject))


def _results(scope: DataScope, where: ResultFilter, subject: str) -> Select[Any]:
    found = select(*RESULT).join(import_jobs, import_jobs.c.id == import_results.c.job_id)
    found = found.where(_is_visible(scope, subject), import_results.c.job_id == where.job_id)
    return found.where(*one_of((import_results.c.outcome, where.outcomes)))
