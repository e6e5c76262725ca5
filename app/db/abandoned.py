"""Ends statements at the server whose requests have given up: a closed connection alone does not stop them."""

import asyncio
from typing import Any, Final, NamedTuple

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

SESSION: Final = "session"
SESSION_OF: Final = "SELECT CONNECTION_ID(), CONCAT(@@hostname, ':', @@port)"
KILL_SECONDS: Final = 3.0
WAITING_MAX: Final = 1_000
UNKNOWN_SESSION: Final = 1094
"""The session has ended by itself."""
_log = structlog.get_logger("billing.database")


class Session(NamedTuple):
    """A session: its number at its server, and which server it is, since a cluster has one address."""

    number: int
    server: str


def read_session(cursor: Any) -> Session:
    """The session of a new connection."""
    cursor.execute(SESSION_OF)
    number, server = cursor.fetchone()
    return Session(int(number), str(server))


def session_of(connection: AsyncConnection) -> Session | None:
    """The session of a connection in use; None if the database has none to end."""
    pooled = connection.sync_connection
    found = None if pooled is None else pooled.connection.info.get(SESSION)
    return found if isinstance(found, Session) else None


class AbandonedStatements:
    """Ends sessions by a connection of its own, which is opened for the first one: the pools may be exhausted."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting: list[Session] = []
        self._task: asyncio.Task[None] | None = None

    def end(self, session: Session) -> None:
        """End it soon; those that wait longer than the server can be reached end by their own time limit."""
        if len(self._waiting) < WAITING_MAX:
            self._waiting.append(session)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._end_all())

    async def stop(self) -> None:
        """Wait for the sessions that are being ended, and close the connection."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=KILL_SECONDS)
        await self._engine.dispose()

    async def _end_all(self) -> None:
        while self._waiting:
            ending, self._waiting = self._waiting, []
            try:
                async with asyncio.timeout(KILL_SECONDS), self._engine.connect() as connection:
                    await _kill(connection, ending)
            except (DBAPIError, OSError) as error:
                effect = "they end by their time limit"
                _log.warning("statements_not_ended", count=len(ending), reason=type(error).__name__, effect=effect)


async def _kill(connection: AsyncConnection, sessions: list[Session]) -> None:
    own = session_of(connection)
    for session in sessions:
        # Behind one address may be several servers, and another one's session of this number is somebody else's.
        if own is not None and session.server == own.server:
            await _kill_one(connection, session.number)


async def _kill_one(connection: AsyncConnection, number: int) -> None:
    try:
        await connection.exec_driver_sql(f"KILL {number}")
    except DBAPIError as error:
        if error.orig is None or error.orig.args[:1] != (UNKNOWN_SESSION,):
            raise
