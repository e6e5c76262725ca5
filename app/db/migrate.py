"""Runs the migrations, and checks whether a database has them all."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import Database, translating_errors
from app.db.leadership import LOCK_NAME_LENGTH_MAX
from app.db.server_errors import REFUSING_USER, error_number, is_unavailable

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

SCRIPTS = Path(__file__).parent / "migrations"
REVISION: Final = re.compile(r'^(revision|down_revision) = (?:"(\w+)"|None)$', re.MULTILINE)
RETIRED: Final = frozenset({"0001", "0002", "0003", "0004", "0005", "0006"})
"""The revisions of version 0.1, which no migration leads away from."""
LOCK_SECONDS: Final = 600
"""How long one `billing migrate` waits for another: as long as a large table may need."""
WITHOUT_LIMITS: Final = (
    "SET lock_wait_timeout = 1, wait_timeout = 28800 "
    "/*M!100303 , idle_transaction_timeout = 0, max_statement_time = 0 */ /*!80000 , max_execution_time = 0 */"
)
"""A step may take long, but a step that waits for a table makes everybody wait who wants the table after it."""


class RetiredDatabase(Exception):
    """The tables are those of version 0.1; only a new database helps."""

    def __str__(self) -> str:
        return "this database is from version 0.1 and cannot be upgraded: run billing migrate on a new, empty database"


class MissingTables(Exception):
    """The tables are missing, or older than the code."""

    def __str__(self) -> str:
        return "the tables of the database are missing or old: run billing migrate"


class MigrationFailed(Exception):
    """The database refused a step; what was done before stays, and the next run goes on from there."""

    def __init__(self, reason: object) -> None:
        super().__init__(f"the migration was refused: {reason}: remove the cause, then run billing migrate again")


class MigrationRuns(Exception):
    """Another process is migrating the database, and did not finish in time."""

    def __str__(self) -> str:
        return "another billing migrate runs on this database: wait for it, then run billing migrate again"


def config() -> "Config":
    """Alembic's configuration; the caller passes the connection, no file names it."""
    from alembic.config import Config  # noqa: PLC0415 - heavy, and a gateway does without

    found = Config()
    found.set_main_option("script_location", str(SCRIPTS))
    return found


@lru_cache(maxsize=1)
def head() -> str | None:
    """The revision that the code expects."""
    revisions = _revisions()
    (found,) = revisions.keys() - set(revisions.values())
    return found


@lru_cache(maxsize=1)
def _revisions() -> dict[str, str | None]:
    """Each revision and the one before it, as the files name them: a gateway need not import them, nor alembic."""
    found: dict[str, str | None] = {}
    for path in (SCRIPTS / "versions").glob("*.py"):
        named = {name: revision or None for name, revision in REVISION.findall(path.read_text())}
        found[str(named["revision"])] = named["down_revision"]
    return found


def scripts() -> "ScriptDirectory":
    """The migrations of the code."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - as above

    return ScriptDirectory.from_config(config())


async def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the database to the revision, the newest by default; one process at a time, the others wait for it.

    A run that was killed is continued by the next one. DatabaseUnavailable if the database refuses the connection,
    RetiredDatabase if it is from version 0.1, MigrationFailed if it refuses a step, MigrationRuns if another process
    took too long.
    """
    with translating_errors():
        try:
            locked = _sqlite_locked(database) if database.is_sqlite else _mysql_locked(database)
            async with locked as connection:
                await check_supported(connection)
                # What is open now would be taken for the caller's transaction, and no step would be committed.
                if not database.is_sqlite:
                    await connection.commit()
                await connection.run_sync(_upgrade, revision)
        except DBAPIError as error:
            if is_unavailable(error) or error_number(error) in REFUSING_USER:
                raise
            raise MigrationFailed(error.orig) from error


@asynccontextmanager
async def _mysql_locked(database: Database) -> AsyncIterator[AsyncConnection]:
    """A session that holds the lock of migrations; the server releases it when the session ends, however it ends."""
    name = f"billing.migrate.{database.url.database}"[:LOCK_NAME_LENGTH_MAX]
    async with database.engine.connect() as connection:
        try:
            await connection.exec_driver_sql(WITHOUT_LIMITS)
            taken = await connection.execute(
                text("SELECT GET_LOCK(:name, :seconds)"), {"name": name, "seconds": LOCK_SECONDS}
            )
            if taken.scalar() != 1:
                raise MigrationRuns
            yield connection
        finally:
            # A session returned to the pool would keep the lock, and its missing limits.
            await connection.invalidate()


@asynccontextmanager
async def _sqlite_locked(database: Database) -> AsyncIterator[AsyncConnection]:
    """A connection in one transaction for the whole upgrade, without foreign keys: changing a table rebuilds it, and
    with foreign keys a table that others refer to cannot be dropped. They are checked before the commit."""
    async with database.reads.connect() as connection:
        try:
            for pragma in (f"busy_timeout = {LOCK_SECONDS * 1_000}", "foreign_keys = OFF"):
                await connection.exec_driver_sql(f"PRAGMA {pragma}")
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).first()
            if broken is not None:
                table, missing = broken.table, broken.parent
                raise MigrationFailed(f"rows of {table} would refer to rows of {missing} that do not exist")
            await connection.exec_driver_sql("COMMIT")
        finally:
            await connection.invalidate()


def _upgrade(connection: Connection, revision: str) -> None:
    from alembic import command  # noqa: PLC0415 - as above

    found = config()
    found.attributes["connection"] = connection
    command.upgrade(found, revision)


@lru_cache(maxsize=1)
def known() -> frozenset[str]:
    """Every revision that the code has."""
    return frozenset(_revisions())


async def check_supported(connection: AsyncConnection) -> None:
    """RetiredDatabase if the tables are those of version 0.1."""
    if await _revision(connection) in RETIRED:
        raise RetiredDatabase


async def is_current(connection: AsyncConnection) -> bool:
    """Whether the database is as new as the code expects, or newer: a migration must suit the running release too."""
    found = await _revision(connection)
    return found == head() or (found is not None and found not in known() | RETIRED)


async def check_tables(database: Database) -> None:
    """MissingTables or RetiredDatabase if the gateway cannot work with the tables; DatabaseUnavailable."""
    async with database.reading() as connection:
        await check_supported(connection)
        if not await is_current(connection):
            raise MissingTables


async def _revision(connection: AsyncConnection) -> str | None:
    if not await connection.run_sync(lambda sync: inspect(sync).has_table("alembic_version")):
        return None
    found: str | None = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
    return found
