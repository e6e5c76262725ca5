"""Runs the migrations, and checks whether a database has them all."""

from functools import lru_cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import Database, DatabaseUnavailable

SCRIPTS = Path(__file__).parent / "migrations"
RETIRED: Final = frozenset({"0001", "0002", "0003", "0004", "0005", "0006"})
"""The revisions of version 0.1, which no migration leads away from."""


class RetiredDatabase(Exception):
    """The tables are those of version 0.1; only a new database helps."""

    def __str__(self) -> str:
        return "this database is from version 0.1 and cannot be upgraded: run billing migrate on a new, empty database"


class MissingTables(Exception):
    """The tables are missing, or older than the code."""

    def __str__(self) -> str:
        return "the tables of the database are missing or old: run billing migrate"


def config() -> Config:
    """Alembic's configuration; the caller passes the connection, no file names it."""
    found = Config()
    found.set_main_option("script_location", str(SCRIPTS))
    return found


@lru_cache(maxsize=1)
def head() -> str | None:
    """The revision that the code expects."""
    return ScriptDirectory.from_config(config()).get_current_head()


async def upgrade(database: Database) -> None:
    """Bring the database to the newest revision; DatabaseUnavailable if it refuses the connection, RetiredDatabase if
    it is from version 0.1."""
    try:
        async with database.engine.connect() as connection:
            await check_supported(connection)
            await connection.run_sync(_upgrade)
            await connection.commit()
    except (OperationalError, OSError) as error:
        raise DatabaseUnavailable from error


def _upgrade(connection: Connection) -> None:
    found = config()
    found.attributes["connection"] = connection
    command.upgrade(found, "head")


@lru_cache(maxsize=1)
def known() -> frozenset[str]:
    """Every revision that the code has."""
    return frozenset(script.revision for script in ScriptDirectory.from_config(config()).walk_revisions())


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
    return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
