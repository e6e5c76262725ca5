"""Queries on the TUSS terms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import and_, func, insert, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import fetch, run, scalar
from app.db.filters import Condition, equal
from app.db.paging import Keyset
from app.db.records import columns
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


TUSS = columns(tuss_terms, TussRecord)


async def by_keys(connection: AsyncConnection, keys: Sequence[tuple[str, str]]) -> list[TussRecord]:
    """The terms of those of these (code system, code) pairs that exist."""
    pairs = tuple_(tuss_terms.c.code_system, tuss_terms.c.code)
    return await fetch(connection, select(*TUSS).where(pairs.in_(keys)), TussRecord)


async def page(connection: AsyncConnection, where: TussFilter, keyset: Keyset) -> list[TussRecord]:
    """One page of terms in (code, code system) order."""
    return await fetch(connection, keyset.apply(select(*TUSS).where(*_conditions(where))), TussRecord)


async def count(connection: AsyncConnection, where: TussFilter) -> int:
    """How many terms match the filter."""
    return int(await scalar(connection, select(func.count()).select_from(tuss_terms).where(*_conditions(where))))


async def table_counts(connection: AsyncConnection) -> dict[str, int]:
    """Code system -> number of terms."""
    rows = await connection.execute(
        select(tuss_terms.c.code_system, func.count()).group_by(tuss_terms.c.code_system),
    )
    return {code_system: int(number) for code_system, number in rows.all()}


async def existing_codes(connection: AsyncConnection, code_system: str) -> set[str]:
    """All codes of one code system."""
    rows = await connection.execute(select(tuss_terms.c.code).where(tuss_terms.c.code_system == code_system))
    return {row[0] for row in rows.all()}


async def insert_many(connection: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    """Add a batch of terms (keys are the table's column names)."""
    await run(connection, insert(tuss_terms), rows)


def _conditions(where: TussFilter) -> list[Condition]:
    found: list[Condition] = [_word(word) for word in fold(where.search or "").split()]
    found += equal((tuss_terms.c.code_system, where.code_system))
    if where.valid_on is not None:
        is_started = or_(tuss_terms.c.valid_from.is_(None), tuss_terms.c.valid_from <= where.valid_on)
        is_not_ended = or_(tuss_terms.c.valid_to.is_(None), tuss_terms.c.valid_to >= where.valid_on)
        found.append(and_(is_started, is_not_ended))
    return found


def _word(word: str) -> Condition:
    if word.isascii() and word.isdigit():
        return tuss_terms.c.code.startswith(word, autoescape=True)
    return tuss_terms.c.search_text.contains(word, autoescape=True)
