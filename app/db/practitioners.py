"""Queries on practitioners: those whom claims name, since no table has them."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, or_, select

from app.db.counting import count_of, row_count
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
NAME: Final[ColumnElement[str]] = func.coalesce(claims.c.practitioner_name, "")
NUMBER: Final[ColumnElement[str]] = func.coalesce(claims.c.practitioner_number, "")
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


def _visible(scope: DataScope, where: PractitionerFilter) -> Select[Any]:
    """Each combination once. Claims of other systems may name nobody, or give a council alone."""
    is_named = or_(claims.c.practitioner_name.is_not(None), claims.c.practitioner_number.is_not(None))
    rows = select(*COLUMNS).where(claims_in(scope), is_named, *has_words(where.words, NAME, NUMBER))
    return rows.group_by(*COLUMNS)


@query(Practitioner)
def page(scope: DataScope, where: PractitionerFilter, keyset: Keyset) -> Select[Any]:
    """One page of the practitioners on claims within the scope."""
    return keyset.apply(_visible(scope, where))


@query_total(row_count)
def count(scope: DataScope, where: PractitionerFilter) -> Select[Any]:
    """How many practitioners on claims within the scope match the filter."""
    return count_of(_visible(scope, where))
