"""Queries on the TUSS terms."""

import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Select, and_, bindparam, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import run
from app.db.identity import NoIdentity
from app.db.paging import Keyset
from app.db.records import columns
from app.db.reference_tables import tuss_terms
from app.db.statements import query
from app.db.tables import database_identity
from app.domain import ids
from app.domain.tuss_index import Row
from app.values.frozen import frozen

Key = tuple[str, str]
"""A code system and a code of it."""


@frozen
class TussRecord:
    code_system: str
    code: str
    term: str
    valid_from: date | None
    valid_to: date | None

    @property
    def id(self) -> str:
        """The public id, made of table and code."""
        return ids.of_key(ids.TERM, self.code_system, self.code)

    def is_valid_on(self, day: date) -> bool:
        """Whether the term may be billed on that day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


ROWS_PER_STATEMENT: Final = 1_000
REMEMBERED_MAX: Final = 10_000
REMEMBERED_SECONDS: Final = 300.0
"""How long a process may go by what was changed without another version: by hand, or by the release before."""
TUSS = columns(tuss_terms, TussRecord)


class _Memory:
    """The terms that this process has read, by their version; forgotten when there are too many, or some may be old."""

    def __init__(self) -> None:
        self._terms: dict[tuple[str, Key], TussRecord] = {}
        self._since = time.monotonic()

    def find(self, version: str, keys: Iterable[Key]) -> dict[Key, TussRecord]:
        """Those of these keys that it has."""
        if time.monotonic() - self._since > REMEMBERED_SECONDS:
            self._forget()
        return {key: self._terms[version, key] for key in keys if (version, key) in self._terms}

    def add(self, version: str, terms: Mapping[Key, TussRecord]) -> None:
        """Have these, too."""
        if len(self._terms) + len(terms) > REMEMBERED_MAX:
            self._forget()
        self._terms |= {(version, key): term for key, term in terms.items()}

    def _forget(self) -> None:
        self._terms.clear()
        self._since = time.monotonic()


_MEMORY: Final = _Memory()


@query(TussRecord)
def by_keys(keys: Sequence[Key]) -> Select[Any]:
    """The terms of those of these (code system, code) pairs that exist."""
    pairs = tuple_(tuss_terms.c.code_system, tuss_terms.c.code)
    return select(*TUSS).where(pairs.in_(keys))


def remembered(version: str, keys: Iterable[Key]) -> dict[Key, TussRecord]:
    """The terms of those of these keys that this process has read: `version` is what `identity` says of them."""
    return _MEMORY.find(version, keys)


async def known(connection: AsyncConnection, version: str, keys: Sequence[Key]) -> dict[Key, TussRecord]:
    """The same for all of these keys that exist; the `version` was read before, so that what is read now is not older.
    Codes without a term are looked for each time: they are whatever somebody has typed."""
    found = remembered(version, keys)
    missing = [key for key in keys if key not in found]
    if missing:
        read = {(row.code_system, row.code): row for row in await by_keys(connection, missing)}
        _MEMORY.add(version, read)
        found |= read
    return found


async def renew_version(connection: AsyncConnection) -> None:
    """Say that the terms are other ones, in the transaction that changes them; NoIdentity."""
    renewed = update(database_identity).values(terms_version=secrets.token_hex(16))
    if not await run(connection, renewed):
        raise NoIdentity


async def search_rows(connection: AsyncConnection, after: tuple[str, str] | None) -> list[Row]:
    """The next thousand terms after a (code, code system), as the index of the search needs them."""
    table = tuss_terms.c
    query = select(table.code, table.code_system, table.search_text, table.valid_from, table.valid_to)
    query = Keyset(table.code, table.code_system, descending=False, limit=ROWS_PER_STATEMENT, after=after).apply(query)
    return [(row[0], row[1], row[2], row[3], row[4]) for row in (await connection.execute(query)).all()]


async def table_counts(connection: AsyncConnection) -> dict[str, int]:
    """Code system -> number of terms."""
    rows = await connection.execute(
        select(tuss_terms.c.code_system, func.count()).group_by(tuss_terms.c.code_system),
    )
    return {code_system: int(number) for code_system, number in rows.all()}


async def of_table(connection: AsyncConnection, code_system: str) -> list[TussRecord]:
    """All terms of one code system."""
    rows = await connection.execute(select(*TUSS).where(tuss_terms.c.code_system == code_system))
    return [TussRecord(*row) for row in rows.all()]


async def insert_many(connection: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    """Add a batch of terms (keys are the table's column names)."""
    await run(connection, insert(tuss_terms), rows)


async def update_many(connection: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    """Change a batch of terms: the same keys, all of them."""
    table = tuss_terms.c
    this = and_(table.code_system == bindparam("of_system"), table.code == bindparam("of_code"))
    names = ("term", "search_text", "valid_from", "valid_to")
    changes = [
        {"of_system": row["code_system"], "of_code": row["code"], **{f"new_{name}": row[name] for name in names}}
        for row in rows
    ]
    await run(
        connection, update(tuss_terms).where(this).values({name: bindparam(f"new_{name}") for name in names}), changes
    )


Write = Callable[[AsyncConnection, list[dict[str, Any]]], Awaitable[None]]
"""Adds or changes a batch of terms."""
