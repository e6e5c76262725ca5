"""Searching TUSS terms, in an index that each process builds at its first search."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import identity
from app.db import tuss as tuss_db
from app.db.engine import Database
from app.db.tuss import TussRecord
from app.domain.tuss_index import Sought, TussIndex
from app.values.frozen import frozen

CHECK_SECONDS: Final = 60.0
"""How long what `billing load-tuss` has changed may stay unknown to searches."""


@frozen
class Matches:
    """The terms that a search found: `positions` in the index."""

    index: TussIndex
    positions: Sequence[int]

    def __len__(self) -> int:
        return len(self.positions)

    async def read(self, connection: AsyncConnection, positions: Sequence[int]) -> list[TussRecord]:
        """Those at these positions of the index, in this order."""
        keys = [self.index.key(each) for each in positions]
        found = {(row.code_system, row.code): row for row in await tuss_db.by_keys(connection, keys)} if keys else {}
        return [found[key] for key in keys if key in found]


class TussSearch:
    """The index of one process; `clock` gives seconds and never goes back."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._lock = asyncio.Lock()
        self._searching = asyncio.Lock()
        self._index = TussIndex()
        self._read_of: str | None = None
        self._checked_at = -CHECK_SECONDS

    async def find(self, sought: Sought) -> Matches:
        """The terms that fit."""
        index = await self._current()
        # One after the other: each pass of the event loop goes through all that wait, so searches together would take
        # it for as long as without turns.
        async with self._searching:
            return Matches(index, await index.matching(sought))

    async def _current(self) -> TussIndex:
        """The index, read again when the terms are not those that it was made of. While one search does that, others
        use the one that is there, or wait for the first."""
        if self._is_fresh() or (self._lock.locked() and len(self._index)):
            return self._index
        async with self._lock:
            if not self._is_fresh():
                await self._refresh()
        return self._index

    def _is_fresh(self) -> bool:
        return self._clock() - self._checked_at < CHECK_SECONDS

    async def _refresh(self) -> None:
        async with self._database.reading() as connection:
            now = (await identity.read(connection)).terms_version
        if now != self._read_of:
            self._index, self._read_of = await self._read(), now
        self._checked_at = self._clock()

    async def _read(self) -> TussIndex:
        """All terms, a thousand with each statement: others have turns in between."""
        index = TussIndex()
        while True:
            async with self._database.reading() as connection:
                rows = await tuss_db.search_rows(connection, index.last)
            if not rows:
                return index
            index.add(rows)
