"""Queries on the TUSS terms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import fetch, run, scalar
from app.db.paging import Keyset
from app.db.reference_tables import tuss_terms
from app.domain.text import fold


@dataclass(frozen=True, slots=True)
class TussRecord:
    code_system: str
    code: str
    term: str
    valid_from: date | None
    valid_to: date | None

    def is_valid_on(self, day: date) -> bool:
        """Whether the term may be billed on that day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class TussFilter:
    search: str | None = None
    code_system: str | None = None
    valid_on: date | None = None


TUSS = tuple(tuss_terms.c[name] for name in TussRecord.__dataclass_fields__)


async def by_keys(connection: AsyncConnection, keys: Sequence[tuple[str, str]]) -> list[TussRecord]:
    """The terms of these (table, code) pairs that exist."""
    pairs = tuple_(tuss_terms.c.code_system, tuss_terms.c.code)
    return await fetch(connection, select(*TUSS).where(pairs.in_(keys)), TussRecord)


async def page(connection: AsyncConnection, where: TussFilter, keyset: Keyset) -> list[TussRecord]:
    """One page of terms in (code, table) order."""
    return await fetch(connection, keyset.apply(select(*TUSS).where(*_conditions(where))), TussRecord)


async def count(connection: AsyncConnection, where: TussFilter) -> int:
    """How many terms the filter holds."""
    return int(await scalar(connection, select(func.count()).select_from(tuss_terms).where(*_conditions(where))))


async def table_counts(connection: AsyncConnection) -> dict[str, int]:
    """Number of terms by table."""
    rows = await connection.execute(
        select(tuss_terms.c.code_system, func.count()).group_by(tuss_terms.c.code_system),
    )
    return {table: int(number) for table, number in rows.all()}


async def existing_codes(connection: AsyncConnection, code_system: str) -> set[str]:
    """All codes of one table."""
    rows = await connection.execute(select(tuss_terms.c.code).where(tuss_terms.c.code_system == code_system))
    return {row[0] for row in rows.all()}


async def insert_many(connection: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    """Add a batch of terms (keys are the table's column names)."""
    await run(connection, insert(tuss_terms), rows)


def _conditions(where: TussFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [_word(word) for word in fold(where.search or "").split()]
    if where.code_system is not None:
        found.append(tuss_terms.c.code_system == where.code_system)
    if where.valid_on is not None:
        begun = or_(tuss_terms.c.valid_from.is_(None), tuss_terms.c.valid_from <= where.valid_on)
        not_over = or_(tuss_terms.c.valid_to.is_(None), tuss_terms.c.valid_to >= where.valid_on)
        found.append(and_(begun, not_over))
    return found


def _word(word: str) -> ColumnElement[bool]:
    if word.isascii() and word.isdigit():
        return tuss_terms.c.code.startswith(word, autoescape=True)
    return tuss_terms.c.search_text.contains(word, autoescape=True)
