"""Resolvers for imports: small documents while their caller waits, and the results of jobs."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from app.db import import_tables, imports
from app.db.imports import ImportJobRecord, ImportResultRecord, ResultFilter
from app.domain.errors import BillingError
from app.domain.imports import OPEN
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, ScopedList, Slice, order_by
from app.services import import_jobs
from app.services import imports as service
from app.services.import_runner import ImportRunner
from app.tiss.read_batch import GUIDES_MAX
from app.unit_of_work.idempotency import Written
from app.values.frozen import frozen

IN_ORDER: Final[Order[ImportResultRecord]] = order_by(import_tables.import_results, "position", int)


@frozen
class Imported:
    """A job and, once a small document is imported, its results."""

    job: ImportJobRecord
    results: Sequence[ImportResultRecord]


async def results_page(ctx: Context, where: ResultFilter, *, at: Slice) -> Page[ImportResultRecord]:
    """A page of the results of a job, in the order of the document; errors as `read_page`."""
    subject = ctx.principal.subject
    listed = ScopedList(
        "ImportJob.results",
        partial(imports.results_page, subject=subject),
        partial(imports.count_results, subject=subject),
    )
    return await listed.page(ctx, where, IN_ORDER, at=at)


async def import_batch(ctx: Context, arguments: Mapping[str, Any], key: str | None) -> Written[Imported]:
    """Queue the document, and import a small one at once; BillingError if it cannot be read."""
    written = await ctx.change(service.START, arguments, key=key)
    job = written.value
    document = await ctx.loaders.document.load(job.document_id)
    is_small = document is not None and import_jobs.is_small(document)
    if is_small and job.status in OPEN:
        runner = ImportRunner(
            ctx.database, ctx.changes, ctx.changes.children, on_unknown_card=ctx.unknown_cards.count, is_resting=False
        )
        await runner.run(job)
        ctx.forget()
        job = await ctx.loaders.import_job.load(job.id) or job
    if job.failures:
        raise BillingError(*job.failures)
    return Written(Imported(job, await _results(ctx, job) if is_small else ()), written.replayed)


async def _results(ctx: Context, job: ImportJobRecord) -> list[ImportResultRecord]:
    async with ctx.database.reading() as connection:
        return await imports.results_of(connection, job.id, GUIDES_MAX)
