"""Database connections: short autocommit reads, units of work with retries, and rows as records."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from ssl import SSLContext
from types import TracebackType
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Select, event, text
from sqlalchemy.engine import Connection, ExceptionContext, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool
from sqlalchemy.sql import Executable

from app.db import driver, sessions
from app.db.compiled import Compiled, Rows
from app.db.pool import Pool
from app.db.server_errors import REFUSING_USER, REFUSING_WRITES, error_number, is_lost, is_unavailable, may_retry
from app.db.session import Heard, Session
from app.domain.text import fold
from app.executor.asked import Asked

Key = TypeVar("Key")
Record = TypeVar("Record")
Result = TypeVar("Result")
RETRIES_MAX: Final = 3
ROWS_AT_ONCE: Final = 200
"""So many rows are written with one statement; then others have a turn on the event loop."""
KEYS_AT_ONCE: Final = 500
RECORDS_AT_ONCE: Final = 10
"""So many rows take a few milliseconds to convert even if they have long JSON columns."""
FAST_RECORDS_AT_ONCE: Final = 200
COMMIT_GRACE_SECONDS: Final = 2.0
SNAPSHOT: Final = {
    "sqlite": ("BEGIN",),
    "mysql": (
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ),
}


class DatabaseUnavailable(Exception):
    """The database did not answer in time or at all; the caller may try again."""

    code = "UNAVAILABLE"
    message = "the database is not available, try again"
    extensions: Final = {"code": "UNAVAILABLE", "retryable": True}

    def __str__(self) -> str:
        return self.message


class Overtaken(DatabaseUnavailable):
    """Another transaction has changed what this one had read before its lock: the unit of work runs again."""


class DatabaseRefused(DatabaseUnavailable):
    """The database refuses the gateway's user, or has no such database: waiting does not help, the settings must."""


class _Reading:
    """A held connection for so many seconds: what reads comes here for each statement, and a generator costs more than
    all of this."""

    __slots__ = ("_asked", "_held", "_limit")

    def __init__(self, held: AbstractAsyncContextManager[AsyncConnection], seconds: float, asked: Asked = None) -> None:
        self._held = held
        self._limit = asyncio.timeout(seconds)
        self._asked = asked

    async def __aenter__(self) -> AsyncConnection:
        await self._limit.__aenter__()
        try:
            connection = await self._held.__aenter__()
        except BaseException as error:
            await self._ended(error)
            raise
        if self._asked is not None and isinstance(connection, Session):
            connection.asked = self._asked
        return connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self._held.__aexit__(kind, error, traceback)
        except BaseException as failure:
            await self._ended(failure)
            raise
        await self._ended(error)

    async def _ended(self, error: BaseException | None) -> None:
        """Stop the time, and say what an error of the block means."""
        if error is None:
            await self._limit.__aexit__(None, None, None)
            return
        with translating_errors():
            await self._limit.__aexit__(type(error), error, error.__traceback__)
            raise error


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
        self.engine = _create(url, tls)
        # A separate pool: switching a connection to autocommit and back costs two round trips, and a caller who is
        # cancelled in between would return it to the pool in autocommit mode.
        self.reads = _create(url, tls, isolation_level="AUTOCOMMIT")
        # Called with each compiled statement and each commit; SQLAlchemy has events for all others.
        self.heard: list[Heard] = []
        self._write_pool = Pool(self.engine, size=pool_size, is_reading=False, heard=self.heard)
        self._read_pool = Pool(self.reads, size=pool_size, is_reading=True, heard=self.heard)
        if not self.is_sqlite:
            for engine in (self.engine, self.reads):
                event.listen(engine.sync_engine, "connect", partial(self._set_up, is_writing=engine is self.engine))
                event.listen(engine.sync_engine, "handle_error", _leave_server_without_writes)

    def _set_up(self, connection: Any, _record: ConnectionPoolEntry, *, is_writing: bool) -> None:
        sessions.guard_socket(connection.driver_connection, timeout_seconds=self.timeout_seconds)
        cursor = connection.cursor()
        cursor.execute(
            sessions.settings(
                idle_seconds=self.idle_seconds, statement_seconds=self.timeout_seconds, is_writing=is_writing
            )
        )
        cursor.close()

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded single-writer mode."""
        return self.engine.dialect.name == "sqlite"

    def reading(self, asked: Asked = None) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection in autocommit for statements that only read; DatabaseUnavailable when there is none.

        Records may be read with the attributes in `asked` and their keys alone: others are missing then.
        """
        return _Reading(self._connection(self.reads), self.timeout_seconds, asked)

    def _connection(
        self, engine: AsyncEngine, *, is_checked: bool = False
    ) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection of the engine for one caller; with `is_checked` the server is asked whether it is there."""
        if self.is_sqlite:
            return engine.connect()
        return (self._read_pool if engine is self.reads else self._write_pool).session(is_checked=is_checked)

    async def own_connection(self) -> AsyncConnection:
        """A connection for transactions that its caller alone has, for long, and closes."""
        if self.is_sqlite:
            return await self.engine.connect()
        session = Session(self.engine, is_reading=False, heard=self.heard)
        await session.open()
        return session

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose reads all see the same moment, for sums over several tables."""
        checked = self._connection(self.reads, is_checked=True)
        async with _Reading(checked, self.timeout_seconds) as connection:
            try:
                for statement in SNAPSHOT["sqlite" if self.is_sqlite else "mysql"]:
                    await connection.exec_driver_sql(statement)
                yield connection
                await connection.exec_driver_sql("ROLLBACK")
            except BaseException:
                # The pool does not know of the transaction and would hand it to the next caller.
                await connection.invalidate()
                raise

    async def check_writable(self, connection: AsyncConnection) -> None:
        """Raise the server's error if it would refuse to write: it does so even if no row matches."""
        if not self.is_sqlite:
            await connection.execute(text("DELETE FROM idempotency_keys WHERE 1 = 0"))

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
                async with self._transaction() as (connection, commit):
                    result = await work(connection)
                    is_committing = True
                    await _finish(commit())
                    return result
            except Exception as error:
                is_in_doubt = is_committing and is_lost(error)
                may_run_again = isinstance(error, Overtaken) or may_retry(error)
                if attempt == RETRIES_MAX or not may_run_again or (is_in_doubt and not is_repeatable):
                    raise
                await asyncio.sleep(random.uniform(0.01, 0.05) * 2**attempt)  # noqa: S311 - jitter, not a secret
        raise DatabaseUnavailable  # pragma: no cover - the loop returns or raises

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[tuple[AsyncConnection, Callable[[], Coroutine[Any, Any, None]]]]:
        """A connection in a transaction, and what commits it; whatever is raised instead undoes it."""
        if self.is_sqlite:
            async with self.engine.connect() as connection, connection.begin() as transaction:
                yield connection, transaction.commit
        else:
            async with self._write_pool.session() as session:
                yield session, session.commit_all

    async def leave_server_without_writes(self, error: BaseException) -> None:
        """Drop the connections if the error, of another connection, says that their server refuses to write."""
        if error_number(error.__cause__ or error) in REFUSING_WRITES:
            await self.dispose()

    async def dispose(self) -> None:
        """Close every pooled connection."""
        for pool in (self._write_pool, self._read_pool):
            await pool.dispose()
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


def _create(url: str, tls: SSLContext | None, isolation_level: str | None = None) -> AsyncEngine:
    if url.startswith("sqlite"):
        engine = create_async_engine(url, connect_args={"timeout": 5}, hide_parameters=True)
        _sqlite_events(engine, is_writing=isolation_level is None)
        return engine
    return create_async_engine(
        url,
        poolclass=NullPool,
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


def _leave_server_without_writes(context: ExceptionContext) -> None:
    """Close the connection: after a failover it still leads to the server that was the primary before."""
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


async def converted(compiled: Compiled, rows: Rows) -> list[Any]:
    """The rows as records; others have turns while there are many."""
    at_once = RECORDS_AT_ONCE if compiled.has_slow_columns else FAST_RECORDS_AT_ONCE
    found: list[Any] = compiled.records(rows[:at_once])
    for start in range(at_once, len(rows), at_once):
        await asyncio.sleep(0)
        found += compiled.records(rows[start : start + at_once])
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
