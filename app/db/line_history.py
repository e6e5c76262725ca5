"""Queries on the history of lines of statements: one row per step, written in the transaction of the step."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.children import Children
from app.db.queue_tables import remittance_line_history
from app.db.records import columns, insert_records
from app.db.remittance_tables import remittance_lines, remittances
from app.db.scoping import remittances_in
from app.db.statements import query
from app.domain.data_scope import DataScope
from app.domain.line_work import LineResolution, LineStep
from app.domain.remittances import RemittanceLineProblem, RemittanceLineStatus
from app.values.frozen import frozen


@frozen
class LineStepRecord:
    """A step of a line, and its row after it; what ends in `before` is what an undo restores."""

    id: str
    line_id: str
    action: LineStep
    undoes_id: str | None
    status: RemittanceLineStatus
    problem: RemittanceLineProblem | None
    claim_id: str | None
    assigned_to: str | None
    set_aside_until: date | None
    resolution: LineResolution | None
    other_id: str | None
    text: str | None
    problem_before: RemittanceLineProblem | None
    claim_id_before: str | None
    matched_by_before: str | None
    assigned_to_before: str | None
    set_aside_before: date | None
    resolution_before: LineResolution | None
    actor: str
    at: datetime


STEP = columns(remittance_line_history, LineStepRecord)


async def insert_steps(connection: AsyncConnection, steps: Sequence[LineStepRecord]) -> None:
    """Append steps of lines; they are never changed."""
    await insert_records(connection, remittance_line_history, steps)


def _visible(scope: DataScope) -> Select[Any]:
    query = select(*STEP).join(remittance_lines, remittance_lines.c.id == remittance_line_history.c.line_id)
    query = query.join(remittances, remittances.c.id == remittance_lines.c.remittance_id)
    return query.where(remittances_in(scope))


OF_LINE: Final = Children(_visible, remittance_line_history.c.line_id, LineStepRecord)


@query(LineStepRecord)
def of_line(scope: DataScope, line_id: str) -> Select[Any]:
    """The steps of a line, oldest first."""
    return _visible(scope).where(remittance_line_history.c.line_id == line_id).order_by(remittance_line_history.c.id)


@query(LineStepRecord)
def of_lines(scope: DataScope, line_ids: Sequence[str]) -> Select[Any]:
    """The steps of these lines, oldest first."""
    table = remittance_line_history.c
    return _visible(scope).where(table.line_id.in_(line_ids)).order_by(table.id)


@query(LineStepRecord)
def by_ids(scope: DataScope, ids: Sequence[str]) -> Select[Any]:
    """The steps with these ids, of lines within the scope."""
    return _visible(scope).where(remittance_line_history.c.id.in_(ids))
