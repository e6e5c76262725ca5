"""Database connections: short autocommit reads, units of work with retries, and rows as records."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from ssl import SSLContext
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Select, event
from sqlalchemy.engine import Connection, ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql import Executable

from app.db import driver, sessions
from app.db.abandoned import SESSION, AbandonedStatements, read_session, session_of
from app.domain.text import fold

Key = TypeVar("Key")
Record = TypeVar("Record")
Result = TypeVar("Result")
RETRIES_MAX: Final = 3
ROWS_AT_ONCE: Final = 200
"""So many rows are written with one statement; then others have a turn on the event loop."""
KEYS_AT_ONCE: Final = 500
RECORDS_AT_ONCE: Final = 10
"""So many rows take a few milliseconds to convert even if they have long JSON columns."""
COMMIT_GRACE_SECONDS: Final = 2.0
LOST_CONNECTION: Final = frozenset({2003, 2006, 2013, 1053, 1927})
CLIENT_ERRORS: Final = range(2000, 3000)
SNAPSHOT: Final = {
    "sqlite": ("BEGIN",),
    "mysql": (
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ),
}
DRIVERS: Final = frozenset({"pymysql", "aiomysql", "asyncmy", "sqlite3", "aiosqlite"})
OVERLOADED: Final = frozenset({1040, 1041, 1053, 1129, 1152, 1158, 1159, 1160, 1161, 1203, 1226, 1317, 1969, 3024})
REFUSING_WRITES: Final = frozenset({1021, 1030, 1047, 1114, 1290, 1792, 1836, 3098, 3100, 3101})
"""The disk or a table is full (1021, 1030, 1114), the server is read-only (1290, 1792, 1836), or its group or cluster
is not ready (1047, 3098, 3100, 3101)."""
LOCK_TIMEOUTS: Final = frozenset({1205})
REFUSING_USER: Final = frozenset({1044, 1045, 1049, 1698})
"""The user, the password or the database's name is wrong."""
RETRYABLE: Final = frozenset({1020, 1205, 1213}) | LOST_CONNECTION


class DatabaseUnavailable(Exception):
    """The database did not answer in time or at all; the caller may try again."""

    code = "UNAVAILABLE"
    message = "the database is not available, try again"
    extensions: Final = {"code": "UNAVAILABLE", "retryable": True}

    def __str__(self) -> str:
        return self.message


class DatabaseRefused(DatabaseUnavailable):
    """The database refuses the gateway's user, or has no such database: waiting does not help, the settings must."""


class Database:
    """One engine, `timeout_seconds` for each unit of work including the wait for a connection.

    A session of a process that vanished in a transaction is ended by the server after `idle_seconds`.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        timeout_seconds: float = 8.0,
        idle_seconds: int = 30,
        tls: SSLContext | None = None,
    ) -> None:
        self.url = make_url(url)
        self.idle_seconds = idle_seconds
        self.timeout_seconds = timeout_seconds
        # Read once, see `app/db/identity.py`.
        self.incarnation: str | None = None
        self.engine = _create(url, pool_size, tls)
        # A separate pool: switching a connection to autocommit and back costs two round trips, and a caller who is
        # cancelled in between would return it to the pool in autocommit mode.
        self.reads = _create(url, pool_size, tls, isolation_level="AUTOCOMMIT")
        ending = _create(url, 1, tls, isolation_level="AUTOCOMMIT")
        self._abandoned = AbandonedStatements(ending)
        if not self.is_sqlite:
            for engine in (self.engine, self.reads, ending):
                event.listen(engine.sync_engine, "connect", partial(self._set_up, is_writing=engine is self.engine))

    def _set_up(self, connection: Any, record: ConnectionPoolEntry, *, is_writing: bool) -> None:
        sessions.guard_socket(connection.driver_connection, timeout_seconds=self.timeout_seconds)
        cursor = connection.cursor()
        cursor.execute(
            sessions.settings(
                idle_seconds=self.idle_seconds, statement_seconds=self.timeout_seconds, is_writing=is_writing
            )
        )
        record.info[SESSION] = read_session(cursor)
        cursor.close()

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded single-writer mode."""
        return self.engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection in autocommit for statements that only read; DatabaseUnavailable when there is none."""
        with translating_errors():
            async with (
                asyncio.timeout(self.timeout_seconds),
                self.reads.connect() as connection,
                self._ending_what_is_abandoned(connection),
            ):
                yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose reads all see the same moment, for sums over several tables."""
        with translating_errors():
            async with (
                asyncio.timeout(self.timeout_seconds),
                self.reads.connect() as connection,
                self._ending_what_is_abandoned(connection),
            ):
                try:
                    for statement in SNAPSHOT["sqlite" if self.is_sqlite else "mysql"]:
                        await connection.exec_driver_sql(statement)
                    yield connection
                    await connection.exec_driver_sql("ROLLBACK")
                except BaseException:
                    # The pool does not know of the transaction and would hand it to the next caller.
                    await connection.invalidate()
                    raise

    @asynccontextmanager
    async def _ending_what_is_abandoned(self, connection: AsyncConnection) -> AsyncIterator[None]:
        """End the session at the server if its statement is cancelled: the server would go on for as long as a
        statement may run. What is being committed is committed."""
        session = session_of(connection)
        try:
            yield
        except asyncio.CancelledError:
            # A connection that was cancelled between two statements is whole, and goes back to its pool.
            if session is not None and connection.invalidated:
                self._abandoned.end(session)
            raise

    async def check_writable(self, connection: AsyncConnection) -> None:
        """Raise the server's error if it would refuse to write: it does so even if no row matches."""
        if not self.is_sqlite:
            await connection.exec_driver_sql("DELETE FROM idempotency_keys WHERE 1 = 0")

    async def is_up(self) -> bool:
        """Whether it answers and takes writes."""
        try:
            async with self.reading() as connection:
                await self.check_writable(connection)
        except DatabaseUnavailable:
            return False
        return True

    async def transact(
        self,
        work: Callable[[AsyncConnection], Awaitable[Result]],
        *,
        is_repeatable: bool = True,
        seconds: float | None = None,
    ) -> Result:
        """Run the unit of work in one transaction and commit; on a deadlock, lock timeout or lost connection the
        whole unit runs again, at most three times, so it must change nothing but the database.

        A connection lost during the commit leaves open whether it was done: a unit that would then have its effect
        twice is not repeatable, and ends with DatabaseUnavailable. `seconds` is for a unit that computes much.
        """
        with translating_errors():
            async with asyncio.timeout(seconds or self.timeout_seconds):
                return await self._retrying(work, is_repeatable=is_repeatable)

    async def _retrying(self, work: Callable[[AsyncConnection], Awaitable[Result]], *, is_repeatable: bool) -> Result:
        for attempt in range(RETRIES_MAX + 1):
            is_committing = False
            try:
                async with self.engine.connect() as connection, connection.begin() as transaction:
                    async with self._ending_what_is_abandoned(connection):
                        result = await work(connection)
                    is_committing = True
                    await _finish(transaction.commit())
                    return result
            except Exception as error:
                is_in_doubt = is_committing and _is_lost(error)
                if attempt == RETRIES_MAX or not _may_retry(error) or (is_in_doubt and not is_repeatable):
                    raise
                await asyncio.sleep(random.uniform(0.01, 0.05) * 2**attempt)  # noqa: S311 - jitter, not a secret
        raise DatabaseUnavailable  # pragma: no cover - the loop returns or raises

    async def leave_server_without_writes(self, error: BaseException) -> None:
        """Drop the connections if the error, of another connection, says that their server refuses to write."""
        if error_number(error.__cause__ or error) in REFUSING_WRITES:
            await self.dispose()

    async def dispose(self) -> None:
        """Close every pooled connection."""
        await self._abandoned.stop()
        await self.engine.dispose()
        await self.reads.dispose()


async def _finish(commit: Coroutine[Any, Any, None]) -> None:
    """Let a commit run to its end even when the caller is cancelled: cut off midway, its outcome would be unknown."""
    task = asyncio.ensure_future(commit)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=COMMIT_GRACE_SECONDS)
        raise


@contextmanager
def translating_errors() -> Iterator[None]:
    """Turn every sign of a server that is down or overloaded into DatabaseUnavailable."""
    try:
        yield
    except Exception as error:
        if error_number(error) in REFUSING_USER:
            raise DatabaseRefused from error
        if is_unavailable(error):
            raise DatabaseUnavailable from error
        raise


def _may_retry(error: Exception) -> bool:
    reason = error_number(error)
    return _is_lost(error) or reason in RETRYABLE or "database is locked" in str(reason)


def _is_lost(error: Exception) -> bool:
    """Whether the connection was lost, during a statement or between two."""
    return _is_connection_lost(error) or error_number(error) in LOST_CONNECTION


def is_unavailable(error: Exception) -> bool:
    """Whether the server is down or overloaded; a statement that it rejects is a bug of ours, not an outage."""
    if isinstance(error, TimeoutError | OSError) or _is_connection_lost(error):
        return True
    reason = error_number(error)
    known = RETRYABLE | OVERLOADED | REFUSING_WRITES
    is_server = isinstance(reason, int) and (reason in known or reason in CLIENT_ERRORS)
    is_file = isinstance(reason, str) and any(word in reason for word in ("locked", "unable to open", "disk"))
    is_lost = isinstance(error, DBAPIError) and (isinstance(error, InterfaceError) or error.connection_invalidated)
    return is_server or is_file or is_lost


def _is_connection_lost(error: Exception) -> bool:
    """Whether the connection was lost between two statements: while SQLAlchemy takes it from the pool or returns it,
    errors are those of the driver and the event loop, not SQLAlchemy's own."""
    if isinstance(error, RuntimeError):
        return "closed" in str(error) and "Transport" in str(error)
    return type(error).__name__ == "InterfaceError" and _is_of_driver(error)


def _is_of_driver(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] in DRIVERS


def error_number(error: BaseException) -> object:
    """The server's error number or the driver's text; None for errors that do not come from the database."""
    raised = error.orig if isinstance(error, DBAPIError) else error if _is_of_driver(error) else None
    arguments: tuple[Any, ...] = getattr(raised, "args", ())
    return arguments[0] if arguments else None


def _create(url: str, pool_size: int, tls: SSLContext | None, isolation_level: str | None = None) -> AsyncEngine:
    if url.startswith("sqlite"):
        engine = create_async_engine(url, connect_args={"timeout": 5}, hide_parameters=True)
        _sqlite_events(engine, is_writing=isolation_level is None)
        return engine
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_recycle=1800,
        isolation_level=isolation_level or "READ COMMITTED",
        skip_autocommit_rollback=True,
        hide_parameters=True,
        connect_args={
            **({"async_creator_fn": driver.connect} if make_url(url).get_driver_name() == "aiomysql" else {}),
            "connect_timeout": 3,
            "charset": "utf8mb4",
            **({"ssl": tls} if tls else {}),
        },
    )
    event.listen(engine.sync_engine, "handle_error", _leave_server_without_writes)
    return engine


def _leave_server_without_writes(context: ExceptionContext) -> None:
    """Drop the whole pool: after a failover its connections still lead to the server that was the primary before."""
    if error_number(context.original_exception) in REFUSING_WRITES:
        context.is_disconnect = True


def _sqlite_events(engine: AsyncEngine, *, is_writing: bool) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        connection.create_function("folded", 1, fold, deterministic=True)
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=5000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        # Take the write lock at once: SQLite has no FOR UPDATE, and a late upgrade of a read lock fails.
        if is_writing:
            connection.exec_driver_sql("BEGIN IMMEDIATE")


async def fetch(connection: AsyncConnection, query: Executable, record: Callable[..., Record]) -> list[Record]:
    """Every row of the statement as one record, the columns in the order of the record's fields (`records.columns`)."""
    result = await connection.execute(query)
    found: list[Record] = []
    for rows in result.partitions(RECORDS_AT_ONCE):
        if found:
            await asyncio.sleep(0)
        found += [record(*row) for row in rows]
    return found


async def fetch_in(
    connection: AsyncConnection,
    query: Select[Any],
    column: ColumnElement[Any],
    keys: Sequence[Any],
    record: Callable[..., Record],
) -> list[Record]:
    """The rows whose column has one of the keys: one statement for every KEYS_AT_ONCE of them, in the order of the
    keys, each in the order of the query."""
    found: list[Record] = []
    for batch in batches(keys):
        found += await fetch(connection, query.where(column.in_(batch)), record)
    return found


def batches(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    """The keys in lists that are short enough for an IN: a longer one takes many milliseconds to write into SQL."""
    return (keys[start : start + KEYS_AT_ONCE] for start in range(0, len(keys), KEYS_AT_ONCE))


async def fetch_one(connection: AsyncConnection, query: Executable, record: Callable[..., Record]) -> Record | None:
    """The only row as a record, or None."""
    rows = await fetch(connection, query, record)
    return rows[0] if rows else None


async def scalar(connection: AsyncConnection, query: Executable) -> Any:
    """The first column of the first row, or None."""
    return (await connection.execute(query)).scalar()


async def run(connection: AsyncConnection, statement: Executable, rows: Sequence[dict[str, Any]] | None = None) -> int:
    """Execute a writing statement, once or for many rows; the number of rows it matched."""
    if rows is None:
        return int((await connection.execute(statement)).rowcount)
    matched = 0
    for start in range(0, len(rows), ROWS_AT_ONCE):
        result = await connection.execute(statement, rows[start : start + ROWS_AT_ONCE])
        matched += int(result.rowcount)
    return matched
