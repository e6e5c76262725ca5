"""One connection to MySQL for one caller at a time: compiled statements run on the driver, everything else through
SQLAlchemy."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.db.compiled import Rows, Text
from app.db.server_errors import CLIENT_ERRORS, NOT_CONNECTED, REFUSING_WRITES, error_number, is_lost
from app.executor.asked import Asked
from app.executor.turns import turn

PREPARED_MAX: Final = 60
"""Prepared statements of a session: all sessions of all processes share the server's limit, 16,382 by default."""
SEEN_MAX: Final = 1_000
PREPARED_GONE: Final = frozenset({1243, 1295, 1461, 1615})
"""The server does not know the prepared statement, cannot prepare it, has too many, or its table has changed."""
NOT_PREPARED: Final = PREPARED_GONE | {1064}
"""The server cannot prepare it, also for want of a parameter where its grammar has a number: it is sent as text."""
WHERE_AM_I: Final = "SELECT @@hostname, @@port, CONNECTION_ID()"
Heard = Callable[[str, Sequence[Any]], None]
"""Called with the text of a statement and its parameters."""


class Place(NamedTuple):
    """Where a connection is: its server, by host and port, and its number there.

    Behind one address may be several servers, and each numbers its own connections.
    """

    server: tuple[str, int]
    number: int


NOWHERE: Final = Place(("", 0), 0)


class Session(AsyncConnection):
    """A connection that is open for long and is taken by one caller after the other.

    A session in the middle of a statement that was cut off is broken: what it reads next would be the answer to that
    statement. `is_usable` is False from then on, and whoever took it closes it.

    `asked` are the attributes that its caller may use of records; None for all.
    """

    def __init__(self, engine: AsyncEngine, *, is_reading: bool, heard: list[Heard]) -> None:
        super().__init__(engine)
        self.is_reading = is_reading
        self.opened_at = self.used_at = time.monotonic()
        self._heard = heard
        self._driver: Any = None
        self._cursor: Any = None
        self._error: type[Exception] = DBAPIError
        self._prepared: dict[Text, Any] = {}
        self._seen: set[Text] = set()
        self._is_busy = False
        self._is_committing = False
        # Whether the server may have ended it since its last statement.
        self._may_be_stale = False
        self.place = NOWHERE
        self.inserted_id = 0
        self.asked: Asked = None

    async def open(self) -> None:
        """Connect; afterwards `close` it in any case."""
        await self.start()
        await self._connected()

    async def _connected(self) -> None:
        self._driver = (await self.get_raw_connection()).driver_connection
        # asyncmy's cursor may be awaited too.
        self._cursor = await self._driver.cursor()
        self._error = self.dialect.loaded_dbapi.Error
        self._prepared.clear()
        self.place = NOWHERE
        self._is_busy = True
        try:
            await self._cursor.execute(WHERE_AM_I)
            ((*server, number),) = await self._cursor.fetchall()
        except Exception as error:
            raise self._failed(WHERE_AM_I, error) from error
        self._is_busy = False
        self.place = Place(tuple(server), number)

    @property
    def is_usable(self) -> bool:
        """Whether the last statement has ended and the connection is open."""
        connection = self.sync_connection
        return not self._is_busy and connection is not None and not connection.closed and not connection.invalidated

    @property
    def runs_on(self) -> bool:
        """Whether the server may still work on a statement that was cut off; a commit does not count."""
        return not self.is_usable and not self._is_committing

    def taken(self) -> None:
        """Somebody else begins to use it: the server may have ended it meanwhile."""
        self._may_be_stale = True

    def abort(self) -> None:
        """Close the socket at once."""
        self._is_busy = True
        if self._driver is not None:
            self._driver.close()

    async def ping(self) -> None:
        """Ask the server for a sign; the driver's errors."""
        self._is_busy = True
        await self._driver.ping(reconnect=False)
        self._is_busy = False

    async def commit_all(self) -> None:
        """Commit what compiled and other statements have done since it was taken."""
        self._is_busy = self._is_committing = True
        if self.in_transaction():
            # One that SQLAlchemy has begun, which must know that it has ended.
            await self.commit()
        else:
            for heard in self._heard:
                heard("COMMIT", ())
            await self._driver.commit()
        self._is_busy = self._is_committing = False

    async def rollback_all(self) -> None:
        """Undo what compiled and other statements have done since it was taken."""
        self._is_busy = True
        await (self.rollback() if self.in_transaction() else self._driver.rollback())
        self._is_busy = False

    async def execute(self, *args: Any, **options: Any) -> Any:
        """As SQLAlchemy does, but a connection that the server has ended while nobody used it is replaced."""
        await turn()
        may_be_stale, self._may_be_stale = self._may_be_stale, False
        try:
            return await super().execute(*args, **options)
        except DBAPIError as error:
            if not (self.is_reading and may_be_stale and is_lost(error)):
                raise
            await self._reconnect()
            return await super().execute(*args, **options)

    async def rows(self, statement: Text, parameters: list[Any]) -> Rows:
        """The rows of a statement that reads."""
        found: Rows = (await self._run(statement, parameters))[0]
        return found

    async def matched(self, statement: Text, parameters: list[Any]) -> int:
        """How many rows a writing statement has matched."""
        return int((await self._run(statement, parameters))[1])

    async def _run(self, statement: Text, parameters: list[Any]) -> tuple[Any, int]:
        for heard in self._heard:
            heard(statement.text, parameters)
        await turn()
        may_be_stale, self._may_be_stale = self._may_be_stale, False
        self._is_busy = True
        try:
            found = await self._sent(statement, parameters)
        except Exception as error:
            if self.is_reading and may_be_stale and is_lost(error):
                await self._reconnect()
                return await self._run(statement, parameters)
            raise self._failed(statement.text, error) from error
        self._is_busy = False
        return found

    async def _sent(self, statement: Text, parameters: list[Any]) -> tuple[Any, int]:
        prepared = self._prepared.get(statement) or await self._prepare(statement)
        if prepared is not None:
            try:
                result = await prepared.execute(parameters)
            except self._error as error:
                if error_number(error) not in PREPARED_GONE:
                    raise
                del self._prepared[statement]
            else:
                self.inserted_id = result.insert_id
                return result.rows or (), result.affected_rows
        cursor = self._cursor
        await cursor.execute(statement.text, parameters)
        self.inserted_id = cursor.lastrowid
        return (await cursor.fetchall()) if cursor.description else (), cursor.rowcount

    async def _prepare(self, statement: Text) -> Any:
        """The prepared statement, from its second use in this session on; None if there is none."""
        if statement.native is None or not hasattr(self._driver, "prepare") or len(self._prepared) >= PREPARED_MAX:
            return None
        if statement not in self._seen:
            if len(self._seen) >= SEEN_MAX:
                self._seen.clear()
            self._seen.add(statement)
            return None
        try:
            found = self._prepared[statement] = await self._driver.prepare(statement.native)
        except self._error as error:
            if error_number(error) not in NOT_PREPARED:
                raise
            statement.native = None
            return None
        return found

    async def _reconnect(self) -> None:
        """A connection that the server has ended while nobody used it is replaced, if nothing is lost with it."""
        self._driver.close()
        await self.invalidate()
        if self.in_transaction():
            await self.rollback()
        await self._connected()

    def _failed(self, text: str, error: Exception) -> Exception:
        """The error as SQLAlchemy would raise it. After one that the server has sent, the session goes on."""
        if not isinstance(error, self._error):
            return error
        number = error_number(error)
        is_cut_off = number == NOT_CONNECTED or not isinstance(number, int) or number in CLIENT_ERRORS
        self._is_busy = is_cut_off
        is_left = is_cut_off or number in REFUSING_WRITES
        found: Exception = DBAPIError.instance(
            text, None, error, self._error, hide_parameters=True, connection_invalidated=is_left
        )
        return found
