"""How loaders read: one row by key, the rows of a parent, or what a query names by its keys."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection
from strawberry.dataloader import DataLoader

from app.db.engine import Database
from app.domain.data_scope import DataScope
from app.executor.asked import Asked
from app.resolvers.level_batches import Loader
from app.transport.work import Work
from app.values.frozen import frozen

Row = TypeVar("Row")
Found = TypeVar("Found")
Query = Callable[[AsyncConnection, DataScope, list[str]], Awaitable[Found]]
"""What reads rows by keys within a data scope."""


@frozen
class Reads:
    """What a loader reads with: of records, only the attributes in `asked`, and keys.

    It does not know the loaders, which know it. A loader that led back to them would make a cycle of everything that a
    request has read, which only the garbage collector ends: that took a fifth of the time of a list of 50 claims.
    """

    database: Database
    scope: DataScope
    asked: Asked = None

    async def rows(self, query: Query[Found], keys: list[str]) -> Found:
        """What the query finds in one short read."""
        async with self.database.reading(self.asked) as connection:
            return await query(connection, self.scope, keys)


class LoaderKinds:
    """How loaders of one, of many and of named rows read, with the data scope of one request.

    `subject` is the caller, who also sees the documents that they have uploaded.
    """

    def __init__(
        self, database: Database, scope: DataScope, work: Work, subject: str = "", asked: Asked = None
    ) -> None:
        self._reads = Reads(database, scope, asked)
        self._work = work
        self._subject = subject
        self._related: dict[tuple[Any, ...], Loader[str, Any]] = {}

    def related(self, relation: tuple[Any, ...], read: Query[Sequence[Any]]) -> Loader[str, Any]:
        """The loader of a relation with arguments: one for each list, page and filter."""
        found = self._related.get(relation)
        if found is None:
            reads = Reads(self._reads.database, self._reads.scope)

            async def load(keys: list[str]) -> Sequence[Any]:
                return await reads.rows(read, keys)

            found = self._related[relation] = Loader(load, self._work)
        return found

    def _one(self, query: Query[list[Row]], key: Callable[[Row], str]) -> DataLoader[str, Row | None]:
        reads = self._reads

        async def load(keys: list[str]) -> list[Row | None]:
            rows = {key(row): row for row in await reads.rows(query, keys)}
            return [rows.get(each) for each in keys]

        return Loader(load, self._work)

    def _many(self, query: Query[list[Row]], key: Callable[[Row], str]) -> DataLoader[str, list[Row]]:
        reads = self._reads

        async def load(keys: list[str]) -> list[list[Row]]:
            groups = _grouped(await reads.rows(query, keys), key)
            return [groups.get(each, []) for each in keys]

        return Loader(load, self._work)

    def _mapped(self, query: Query[Mapping[str, Any]], *, otherwise: Any) -> DataLoader[str, Any]:
        """The loader of a query whose result names its keys; the others have the value `otherwise`."""
        reads = self._reads

        async def load(keys: list[str]) -> list[Any]:
            found = await reads.rows(query, keys)
            return [found.get(each, otherwise) for each in keys]

        return Loader(load, self._work)


def of_nobody(query: Callable[[AsyncConnection, list[str]], Awaitable[Found]]) -> Query[Found]:
    """A query of rows that belong to nobody, and so need no data scope."""

    async def read(connection: AsyncConnection, _scope: DataScope, keys: list[str]) -> Found:
        return await query(connection, keys)

    return read


def _grouped(rows: Iterable[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups
