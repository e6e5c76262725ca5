"""Queries on practitioners: those whom claims name, since no table has them."""

from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Select, func, or_, select

from app.db.counting import CANDIDATES_MAX, Way, count_by, row_count
from app.db.filters import Condition
from app.db.paging import Keyset
from app.db.scoping import claims_in
from app.db.statements import query, query_total
from app.db.tables import claims
from app.db.words import has_words
from app.domain.data_scope import DataScope
from app.domain.encounter import Practitioner
from app.values.frozen import frozen

COLUMNS: Final = (
    claims.c.practitioner_name,
    claims.c.practitioner_council,
    claims.c.practitioner_number,
    claims.c.practitioner_state,
    claims.c.practitioner_cbo,
)


def _name(row: Any) -> ColumnElement[str]:
    return func.coalesce(row.practitioner_name, "")


NAME: Final = _name(claims.c)
SEPARATOR: Final = "\t"
"""No value has it, since control characters are refused."""


def _joined() -> ColumnElement[str]:
    parts = [func.coalesce(column, "") for column in COLUMNS[1:]]
    found: ColumnElement[str] = parts[0]
    for part in parts[1:]:
        found = found + SEPARATOR + part
    return found


IDENTITY: Final = _joined()
"""What distinguishes practitioners of one name: council, number, state and occupation."""


def identity_of(practitioner: Practitioner) -> str:
    """The value of IDENTITY of a record."""
    parts = (practitioner.council, practitioner.number, practitioner.state, practitioner.cbo)
    return SEPARATOR.join(part or "" for part in parts)


@frozen
class PractitionerFilter:
    """A practitioner matches when each word does (`words_of`): part of the name, or digits of the number."""

    words: tuple[str, ...] = ()


def _matching(row: Any, where: PractitionerFilter) -> list[Condition]:
    """Claims of other systems may name nobody, or give a council alone."""
    is_named = or_(row.practitioner_name.is_not(None), row.practitioner_number.is_not(None))
    return [is_named, *has_words(where.words, _name(row), func.coalesce(row.practitioner_number, ""))]


def _groups(scope: DataScope, rows: Select[Any]) -> Select[Any]:
    """The rows of claims by provider and practitioner, and by payer for the scope of one: an index has these together,
    so that the server goes from group to group, whatever number of claims each has."""
    payer = [] if scope.payer is None else [claims.c.payer_ans]
    return rows.where(claims_in(scope)).group_by(claims.c.provider_cnes, *COLUMNS, *payer)


def _whole(*row: Any) -> Practitioner:
    """A function, so that all columns are read whatever is asked for: rows differ by all of them."""
    return Practitioner(*row)


@query(_whole)
def page(scope: DataScope, where: PractitionerFilter, keyset: Keyset) -> Select[Any]:
    """One page of the practitioners on claims within the scope."""
    rows = select(*COLUMNS).distinct().where(*_matching(claims.c, where))
    return keyset.apply(_groups(scope, rows))


@query_total(row_count)
def count(scope: DataScope, where: PractitionerFilter) -> Select[Any]:
    """How many practitioners on claims within the scope match the filter."""

    def found(candidate: FromClause) -> Select[Any]:
        row = candidate.c
        columns = [row[column.key] for column in COLUMNS]
        each = select(*columns).distinct().where(*_matching(row, where)).subquery("practitioner").c
        return select(each.practitioner_number)

    return count_by([Way(_groups(scope, select(*COLUMNS)), found)], CANDIDATES_MAX)
