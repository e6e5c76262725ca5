"""The same step with many waiting lines: those of a filter, each for itself or all or none, or only tried."""

from dataclasses import replace
from typing import Any, Final

from app.db import line_queue
from app.db import remittances as remittances_db
from app.db.line_queue import QueueFilter
from app.db.paging import Keyset
from app.db.remittance_tables import remittance_lines
from app.db.remittances import RemittanceLineRecord
from app.domain.errors import BillingError, ErrorCode, not_found, raise_any, refuse
from app.domain.line_work import LineStep
from app.services import line_resolutions
from app.services.line_resolutions import LineCommand
from app.services.outcomes import Outcome, answer_of_outcomes
from app.services.remittance_lines import STORED_LINE
from app.unit_of_work.action import Action, StoredAnswer
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

LINES_MAX: Final = 100
SINGLE: Final = frozenset({LineStep.MAP_TO_ITEM, LineStep.DISMISS_DUPLICATE})
"""Steps that name something of one line only."""


@frozen
class Resolved:
    """The results, and whether further lines match the filter."""

    results: list[Outcome[RemittanceLineRecord]]
    has_more: bool


class _Tried(BillingError):
    """Takes back what a dry run has done."""


async def resolve_many(
    unit: UnitOfWork,
    *,
    where: QueueFilter,
    command: LineCommand,
    dry_run: bool,
    atomic: bool,
    after_line: str | None = None,
) -> Resolved:
    """Take the step with the oldest hundred waiting lines of the filter, or with those behind a line; a dry run shows
    them as they would be."""
    if command.step in SINGLE or command.denial_id is not None:
        raise refuse(ErrorCode.INVALID_INPUT, "this step is for one line: use resolveRemittanceLine", "resolution")
    where = replace(where, of_line=replace(where.of_line, today=unit.today))
    if after_line is not None and await remittances_db.line(unit.connection, unit.scope, after_line) is None:
        raise not_found("remittance line", "afterLine")
    table = remittance_lines.c
    start = None if after_line is None else (after_line, after_line)
    keyset = Keyset(table.id, table.id, descending=False, limit=LINES_MAX + 1, after=start)
    found = await line_queue.page(unit.connection, unit.scope, where, keyset)
    if not found:
        raise refuse(ErrorCode.NOT_FOUND, "no waiting line matches the filter", "lineFilter")
    for id in sorted({line.remittance_id for line in found[:LINES_MAX]}):
        await remittances_db.lock(unit.connection, unit.scope, id)
    results: list[Outcome[RemittanceLineRecord]] = []
    try:
        async with unit.attempt():
            results = [await _attempt(unit, line.id, command) for line in found[:LINES_MAX]]
            if atomic:
                raise_any(failure for each in results for failure in each.failures)
            _end(dry_run=dry_run)
    except _Tried:
        pass
    return Resolved(results, has_more=len(found) > LINES_MAX)


def _end(*, dry_run: bool) -> None:
    if dry_run:
        raise _Tried


async def _attempt(unit: UnitOfWork, line_id: str, command: LineCommand) -> Outcome[RemittanceLineRecord]:
    try:
        async with unit.attempt():
            return Outcome(line_id, await line_resolutions.resolve(unit, id=line_id, command=command))
    except BillingError as error:
        return Outcome(line_id, None, error.failures)


_OUTCOMES: Final = answer_of_outcomes(STORED_LINE)


async def _rebuild(unit: UnitOfWork, facts: Any) -> Resolved:
    results, has_more = facts
    return Resolved(await _OUTCOMES.rebuild(unit, results), has_more=has_more)


RESOLVE_MANY: Final = Action(
    "resolveRemittanceLines",
    resolve_many,
    needs="remittances:work",
    answer=StoredAnswer(lambda done: [_OUTCOMES.facts(done.results), done.has_more], _rebuild),
    aggregates=lambda _: (),
)
