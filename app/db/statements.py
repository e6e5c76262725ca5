"""Statements that are built and compiled once for each shape of their arguments, and then only filled in.

`query` and its siblings turn a function that builds a statement from its arguments into one that runs it on a
connection. The arguments must go into the statement as they are: whatever else a statement depends on (a flag, whether
something is None) is part of the shape, and a changed argument fails when the statement is compiled.
"""

from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from functools import cached_property, wraps
from inspect import Parameter, signature
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import Executable

from app.db.arguments import Places, flatten, with_places
from app.db.compiled import Compiled
from app.db.engine import batches, converted, fetch, run
from app.db.narrow import Names, Narrow
from app.db.session import Session

Given = ParamSpec("Given")
Record = TypeVar("Record")
Function = TypeVar("Function", bound=Callable[..., Any])
Build = Callable[Given, Executable]
Asked = Callable[Concatenate[AsyncConnection, Given], Coroutine[Any, Any, Record]]
SHAPES_MAX: Final = 200
"""Compiled statements of one function; the first ones are compiled again after more."""

_CONNECTION: Final = Parameter("connection", Parameter.POSITIONAL_ONLY, annotation=AsyncConnection)


class _Statement:
    """What a function builds, compiled for each shape of its arguments.

    A row is made a record; of `pairs`, what follows the first column is one.
    """

    def __init__(self, build: Callable[..., Executable], record: Callable[..., Any], *, pairs: bool = False) -> None:
        self.build = build
        self._narrow = Narrow(record, pairs=pairs)
        self._compiled: dict[Hashable, Compiled] = {}

    @cached_property
    def _defaults(self) -> dict[str, Any]:
        return {name: each.default for name, each in signature(self.build).parameters.items()}

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(self._defaults)

    def arguments(self, given: Sequence[Any], named: Mapping[str, Any]) -> Sequence[Any]:
        """All arguments in their order."""
        if not named and len(given) == len(self._names):
            return given
        return [*given, *[named[name] if name in named else self._defaults[name] for name in self._names[len(given) :]]]

    def compiled(self, session: Session, arguments: Sequence[Any]) -> tuple[Compiled, list[Any]]:
        """The statement for these arguments, and the parameters that they give."""
        values: list[Any] = []
        shape: list[Hashable] = [flatten(each, values) for each in arguments]
        names = None if session.asked is None else self._narrow.names(session.asked)
        key = (names, *shape)
        found = self._compiled.get(key) or self._add(session, key, names, arguments)
        return found, found.parameters(values)

    def _add(self, session: Session, key: Hashable, names: Names, arguments: Sequence[Any]) -> Compiled:
        if len(self._compiled) >= SHAPES_MAX:
            self._compiled.clear()
        places = Places()
        statement, record = self.build(*[with_places(each, places) for each in arguments]), self._narrow.make
        if names is not None:
            statement, record = self._narrow.narrowed(statement, names)
        found = self._compiled[key] = Compiled(statement, session.dialect, places, record)
        return found

    async def fetch(self, connection: AsyncConnection, arguments: Sequence[Any]) -> list[Any]:
        """The rows as records."""
        if not isinstance(connection, Session):
            return await fetch(connection, self.build(*arguments), self._narrow.make)
        compiled, parameters = self.compiled(connection, arguments)
        return await converted(compiled, await connection.rows(compiled, parameters))

    async def run(self, connection: AsyncConnection, arguments: Sequence[Any]) -> int:
        """The number of rows that a writing statement matched."""
        if not isinstance(connection, Session):
            return await run(connection, self.build(*arguments))
        return await connection.matched(*self.compiled(connection, arguments))


def _like(build: Callable[..., Any]) -> Callable[[Function], Function]:
    """Name and document a function like the one that builds its statement; it also takes the connection."""

    def decorate(function: Function) -> Function:
        found: Any = wraps(build)(function)
        built = signature(build)
        found.__signature__ = built.replace(parameters=[_CONNECTION, *built.parameters.values()])
        return cast("Function", found)

    return decorate


def query(record: Callable[..., Record]) -> Callable[[Build[Given]], Asked[Given, list[Record]]]:
    """The function that fetches every row of the statement as one record, its columns in the order of the record's
    fields."""

    def decorate(build: Build[Given]) -> Asked[Given, list[Record]]:
        statement = _Statement(build, record)

        @_like(build)
        async def rows(connection: AsyncConnection, /, *given: Given.args, **named: Given.kwargs) -> list[Record]:
            return await statement.fetch(connection, statement.arguments(given, named))

        return rows

    return decorate


def query_by_keys(record: Callable[..., Record]) -> Callable[[Build[Given]], Asked[Given, list[Record]]]:
    """As `query`, for a statement whose last argument is a list of keys of any length: one statement for every
    KEYS_AT_ONCE of them, in the order of the keys, each in the order of the statement."""

    def decorate(build: Build[Given]) -> Asked[Given, list[Record]]:
        statement = _Statement(build, record)

        @_like(build)
        async def rows(connection: AsyncConnection, /, *given: Given.args, **named: Given.kwargs) -> list[Record]:
            *others, keys = statement.arguments(given, named)
            found: list[Record] = []
            for batch in batches(keys):
                found += await statement.fetch(connection, [*others, list(batch)])
            return found

        return rows

    return decorate


def query_one(record: Callable[..., Record]) -> Callable[[Build[Given]], Asked[Given, Record | None]]:
    """The function that fetches the only row as a record, or None."""

    def decorate(build: Build[Given]) -> Asked[Given, Record | None]:
        statement = _Statement(build, record)

        @_like(build)
        async def row(connection: AsyncConnection, /, *given: Given.args, **named: Given.kwargs) -> Record | None:
            rows = await statement.fetch(connection, statement.arguments(given, named))
            return rows[0] if rows else None

        return row

    return decorate


def query_pairs(value: Callable[..., Record]) -> Callable[[Build[Given]], Asked[Given, dict[str, Record]]]:
    """The function that fetches what a statement has by a text, its first column; `value` makes it of the others."""

    def decorate(build: Build[Given]) -> Asked[Given, dict[str, Record]]:
        statement = _Statement(build, value, pairs=True)

        @_like(build)
        async def pairs(connection: AsyncConnection, /, *given: Given.args, **named: Given.kwargs) -> dict[str, Record]:
            return dict(await statement.fetch(connection, statement.arguments(given, named)))

        return pairs

    return decorate


def query_total(record: Callable[..., Record]) -> Callable[[Build[Given]], Asked[Given, Record]]:
    """The function that fetches the row of a statement that always has exactly one, such as a count or sums."""

    def decorate(build: Build[Given]) -> Asked[Given, Record]:
        statement = _Statement(build, record)

        @_like(build)
        async def row(connection: AsyncConnection, /, *given: Given.args, **named: Given.kwargs) -> Record:
            (found,) = await statement.fetch(connection, statement.arguments(given, named))
            return cast("Record", found)

        return row

    return decorate


def writing(build: Build[Given]) -> Asked[Given, int]:
    """The function that runs a writing statement once; the number of rows it matched."""
    statement = _Statement(build, tuple)

    @_like(build)
    async def matched(connection: AsyncConnection, /, *given: Given.args, **named: Given.kwargs) -> int:
        return await statement.run(connection, statement.arguments(given, named))

    return matched
