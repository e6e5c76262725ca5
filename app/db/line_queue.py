"""Queries on the queue: the lines of statements that wait for a person."""

from dataclasses import field
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import FromClause, Select, or_, select

from app.db.counting import CANDIDATES_MAX, row_count
from app.db.filters import OPEN_RANGE, Bounds, Condition, equal, one_of, within
from app.db.pages import Chosen, Others
from app.db.paging import Keyset
from app.db.remittance_tables import remittance_lines, remittances
from app.db.remittances import LINE, RemittanceFilter, RemittanceLineRecord
from app.db.remittances import chosen as chosen_statements
from app.db.statements import query, query_total
from app.domain.data_scope import DataScope
from app.domain.remittances import RemittanceLineProblem, RemittanceLineStatus, RemittanceStatus
from app.values.frozen import frozen

_FINISHED: Final = {RemittanceStatus.POSTED, RemittanceStatus.CANCELLED}


@frozen
class LineFilter:
    """A waiting line matches when every given part does; `today` is what `is_set_aside` is compared with."""

    ids: tuple[str, ...] | None = None
    problems: tuple[RemittanceLineProblem, ...] | None = None
    reason_codes: tuple[str, ...] | None = None
    assigned_to: str | None = None
    is_assigned: bool | None = None
    is_set_aside: bool | None = None
    waiting_since: Bounds[datetime] = OPEN_RANGE
    today: date | None = None


@frozen
class QueueFilter:
    """Waiting lines of these statements."""

    of_remittance: RemittanceFilter = field(default_factory=RemittanceFilter)
    of_line: LineFilter = field(default_factory=LineFilter)


@query(RemittanceLineRecord)
def page(scope: DataScope, where: QueueFilter, keyset: Keyset) -> Select[Any]:
    """One page of the lines that wait, oldest first."""
    chosen = _chosen(scope, where)
    found = select(*LINE).select_from(chosen.source).where(*chosen.every)
    if not _is_of_few(where.of_remittance):
        # Few lines wait: the server would begin with the statements of a party, and read all their lines, or with all
        # lines there are, in the order of the list.
        found = found.prefix_with("STRAIGHT_JOIN", dialect="mysql")
        found = found.with_hint(remittances, "FORCE INDEX FOR JOIN (PRIMARY)", "mysql")
        found = found.with_hint(remittance_lines, "IGNORE INDEX FOR ORDER BY (PRIMARY)", "mysql")
    return keyset.apply(found)


def _is_of_few(where: RemittanceFilter) -> bool:
    """Whether it names statements, their days, or only such as are still worked on."""
    return _is_of_some(where) or where.paid_on != OPEN_RANGE or where.created_at != OPEN_RANGE


def _is_of_some(where: RemittanceFilter) -> bool:
    is_unfinished = where.status is not None and not _FINISHED & set(where.status)
    return is_unfinished or where.ids is not None or where.statement_number is not None


@query_total(row_count)
def count(scope: DataScope, where: QueueFilter, most: int = CANDIDATES_MAX) -> Select[Any]:
    """How many lines wait; at most so many are asked for their statements, or so many statements for theirs."""
    return _chosen(scope, where).count(most)


def _chosen(scope: DataScope, where: QueueFilter) -> Chosen:
    table, statements = remittance_lines.c, chosen_statements(scope, where.of_remittance)
    found_by, is_of_few = (table.remittance_id, remittances.c.id), _is_of_some(where.of_remittance)
    return Chosen(
        remittance_lines,
        [table.status == RemittanceLineStatus.UNMATCHED, *_conditions(where.of_line)],
        [(table.status, [RemittanceLineStatus.UNMATCHED])],
        Others(
            (table.id, table.remittance_id), _with_statement, [remittances.c.id], lambda _line: statements.conditions
        ),
        start=statements.first(_lines_of, *found_by, is_first=is_of_few) if statements.is_restricted else None,
        newest=table.id,
    )


def _with_statement(line: FromClause) -> FromClause:
    return line.join(remittances, remittances.c.id == line.c.remittance_id)


def _lines_of(statement: FromClause) -> FromClause:
    lines = statement.join(remittance_lines, remittance_lines.c.remittance_id == statement.c.start)
    return lines.join(remittances, remittances.c.id == remittance_lines.c.remittance_id)


def _conditions(where: LineFilter) -> list[Condition]:
    table = remittance_lines.c
    found = one_of((table.id, where.ids), (table.problem, where.problems), (table.reason_code, where.reason_codes))
    found += equal((table.assigned_to, where.assigned_to))
    found += within((table.waiting_since, where.waiting_since))
    if where.is_assigned is not None:
        found.append(table.assigned_to.is_not(None) if where.is_assigned else table.assigned_to.is_(None))
    if where.is_set_aside is not None:
        later = table.set_aside_until > where.today
        found.append(later if where.is_set_aside else or_(table.set_aside_until.is_(None), ~later))
    return found
