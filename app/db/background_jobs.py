"""How many background jobs wait, run and have failed, and since when: for the metrics."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Select, func, literal, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.import_tables import import_jobs
from app.db.posting_tables import remittance_postings
from app.domain.imports import OPEN, ImportJobStatus
from app.values.frozen import frozen

FAILED_FOR: Final = timedelta(days=1)
"""How long a failed job is counted."""


@frozen
class JobCount:
    """The jobs of one kind in one state, and when the oldest of them was started; None if there are none."""

    task: str
    state: str
    count: int
    oldest: datetime | None


async def counts(connection: AsyncConnection, now: datetime) -> list[JobCount]:
    """Imports and postings: `queued` (no process has them), `running`, and imports that `failed` within a day."""
    rows = (await connection.execute(union_all(*_statements(now)))).all()
    return [JobCount(task, state, int(count), oldest) for task, state, count, oldest in rows]


def _statements(now: datetime) -> Iterator[Select[str, str, int, datetime]]:
    jobs, postings = import_jobs.c, remittance_postings.c
    for task, started, is_open, lease in (
        ("import", jobs.created_at, jobs.status.in_(OPEN), jobs.lease_until),
        ("posting", postings.started_at, postings.ended_at.is_(None), postings.lease_until),
    ):
        yield _count(task, "queued", started).where(is_open, or_(lease.is_(None), lease < now))
        yield _count(task, "running", started).where(is_open, lease >= now)
    has_failed = jobs.status == ImportJobStatus.FAILED
    yield _count("import", "failed", jobs.created_at).where(has_failed, jobs.ended_at >= now - FAILED_FOR)


def _count(task: str, state: str, started: ColumnElement[datetime]) -> Select[str, str, int, datetime]:
    return select(literal(task), literal(state), func.count(), func.min(started))
