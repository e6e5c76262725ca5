"""How loaders read: one row by key, the rows of a parent, or what a query names by its keys."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection
from strawberry.dataloader import DataLoader

from app.db.engine import Database
from app.domain.data_scope import DataScope
from app.executor.asked import Asked
from app.redis.cache import Cache
from app.resolvers.level_batches import Loader
from app.transport.work import Work

Row = TypeVar("Row")
Related = Callable[[AsyncConnection, DataScope, list[str]], Awaitable[Sequence[Any]]]


class LoaderKinds:
    """How loaders of one, of many and of named rows read, with the data scope of one request.

    `subject` is the caller, who also sees the documents that they have uploaded. Of records, only the attributes in
    `asked` are read, and keys.
    """

    def __init__(
        self, database: Database, cache: Cache, scope: DataScope, work: Work, subject: str = "", asked: Asked = None
    ) -> None:
        self._database = database
        self._cache = cache
        self._scope = scope
        self._work = work
        self._subject = subject
        self._asked = asked
        self._related: dict[tuple[Any, ...], DataLoader[str, Any]] = {}

    def related(self, relation: tuple[Any, ...], read: Related) -> DataLoader[str, Any]:
        """The loader of a relation with arguments: one for each list, page and filter."""
        found = self._related.get(relation)
        if found is None:

            async def load(keys: list[str]) -> Sequence[Any]:
                async with self._database.reading() as connection:
                    return await read(connection, self._scope, keys)

            found = self._related[relation] = Loader(load, self._work)
        return found

    def _one(
        self, query: Callable[[AsyncConnection, list[str]], Awaitable[list[Row]]], key: Callable[[Row], str]
    ) -> DataLoader[str, Row | None]:
        async def load(keys: list[str]) -> list[Row | None]:
            rows = {key(row): row for row in await self._read(query, keys)}
            return [rows.get(each) for each in keys]

        return Loader(load, self._work)

    def _many(
        self, query: Callable[[AsyncConnection, list[str]], Awaitable[list[Row]]], key: Callable[[Row], str]
    ) -> DataLoader[str, list[Row]]:
        async def load(keys: list[str]) -> list[list[Row]]:
            groups = _grouped(await self._read(query, keys), key)
            return [groups.get(each, []) for each in keys]

        return Loader(load, self._work)

    def _mapped(
        self, query: Callable[[AsyncConnection, list[str]], Awaitable[Mapping[str, Any]]], *, otherwise: Any
    ) -> DataLoader[str, Any]:
        """The loader of a query whose result names its keys; the others have the value `otherwise`."""

        async def load(keys: list[str]) -> list[Any]:
            found = await self._read(query, keys)
            return [found.get(each, otherwise) for each in keys]

        return Loader(load, self._work)

    async def _read(self, query: Callable[[AsyncConnection, list[str]], Awaitable[Any]], keys: list[str]) -> Any:
        async with self._database.reading(self._asked) as connection:
            return await query(connection, keys)


def _grouped(rows: Iterable[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups
