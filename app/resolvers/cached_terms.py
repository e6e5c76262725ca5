"""TUSS terms by their codes, from Redis or the database."""

from collections.abc import Sequence

import orjson

from app.db import identity, tuss
from app.db.engine import Database
from app.db.tuss import TussRecord
from app.redis.cache import TUSS_LIFETIME_SECONDS, Cache
from app.values.adapters import adapter_of

TermKey = tuple[str, str]
"""The code system and the code of a term."""


class CachedTerms:
    """Reads terms; the same for every caller, as the tables of the ANS are."""

    def __init__(self, database: Database, cache: Cache) -> None:
        self._database = database
        self._cache = cache

    async def load(self, keys: list[TermKey]) -> list[TussRecord | None]:
        """The terms in the order of their keys; None for a code that there is not."""
        terms = await self._cached(keys)
        terms |= await self._stored([each for each in keys if each not in terms])
        return [terms.get(each) for each in keys]

    async def _cached(self, keys: Sequence[TermKey]) -> dict[TermKey, TussRecord]:
        database = await identity.of(self._database)
        values = await self._cache.get_many([self._cache.tuss_key(database, *key) for key in keys])
        term = adapter_of(TussRecord)
        return {key: term.validate_json(value) for key, value in zip(keys, values, strict=True) if value is not None}

    async def _stored(self, keys: Sequence[TermKey]) -> dict[TermKey, TussRecord]:
        if not keys:
            return {}
        async with self._database.reading() as connection:
            rows = await tuss.by_keys(connection, keys)
        database = await identity.of(self._database)
        values = {self._cache.tuss_key(database, row.code_system, row.code): orjson.dumps(row) for row in rows}
        await self._cache.put_many(values, lifetime_seconds=TUSS_LIFETIME_SECONDS)
        return {(row.code_system, row.code): row for row in rows}
