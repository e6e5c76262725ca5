"""Queries on the queue: the lines of statements that wait for a person."""

from dataclasses import field
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Select, or_

from app.db.counting import count_of
from app.db.filters import OPEN_RANGE, Bounds, Condition, equal, one_of, within
from app.db.paging import Keyset
from app.db.remittance_tables import remittance_lines, remittances
from app.db.remittances import RemittanceFilter, RemittanceLineRecord, conditions, visible_lines
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
    found = _waiting(scope, where)
    if not _is_of_few(where.of_remittance):
        # Few lines wait: the server would begin with the statements of a party, and read all their lines, or with all
        # lines there are, in the order of the list.
        found = found.prefix_with("STRAIGHT_JOIN", dialect="mysql")
        found = found.with_hint(remittances, "FORCE INDEX FOR JOIN (PRIMARY)", "mysql")
        found = found.with_hint(remittance_lines, "IGNORE INDEX FOR ORDER BY (PRIMARY)", "mysql")
    return keyset.apply(found)


def _is_of_few(where: RemittanceFilter) -> bool:
    """Whether it names statements, their days, or only such as are still worked on."""
    is_unfinished = where.status is not None and not _FINISHED & set(where.status)
    has_days = where.paid_on != OPEN_RANGE or where.created_at != OPEN_RANGE
    return is_unfinished or has_days or where.ids is not None or where.statement_number is not None


@query_total(int)
def count(scope: DataScope, where: QueueFilter) -> Select[Any]:
    """How many lines wait."""
    return count_of(_waiting(scope, where))


def _waiting(scope: DataScope, where: QueueFilter) -> Select[Any]:
    waiting = remittance_lines.c.status == RemittanceLineStatus.UNMATCHED
    return visible_lines(scope).where(waiting, *conditions(where.of_remittance), *_conditions(where.of_line))


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
