"""One line of migrations, which brings SQLite and MySQL to exactly the tables of the code, and back."""

import asyncio
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import Connection

from app.db import migrate, tables
from app.db.engine import Database
from tests.servers.mysql import create_database
from tests.services import Services


def drift(connection: Connection) -> list[object]:
    return list(
        compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), tables.claims.metadata)
    )


def _plain_tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def test_there_is_one_head() -> None:
    assert ScriptDirectory.from_config(migrate.config()).get_heads() == [migrate.head()]


@pytest.mark.parametrize("kind", ["sqlite", "mysql"])
async def test_the_upgraded_database_has_exactly_the_tables_of_the_code(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'drift.db'}"
    if kind == "mysql":
        services: Services = request.getfixturevalue("services")
        await asyncio.to_thread(create_database, services.mysql.url, "drift")
        url = services.mysql.url.rstrip("/") + "/drift"
    database = Database(url)
    try:
        await migrate.upgrade(database)
        await migrate.upgrade(database)
        async with database.engine.connect() as connection:
            assert await connection.run_sync(_plain_tables) == set(tables.claims.metadata.tables)
            assert await connection.run_sync(drift) == []
    finally:
        await database.dispose()


async def test_only_the_revision_of_the_code_and_unknown_newer_ones_count_as_current(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'revisions.db'}")
    found: dict[str | None, bool] = {}
    try:
        await migrate.upgrade(database)
        async with database.engine.connect() as connection:
            for revision in (migrate.head(), "b999", *sorted(migrate.RETIRED)):
                await connection.execute(
                    text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision}
                )
                found[revision] = await migrate.is_current(connection)
    finally:
        await database.dispose()
    assert [revision for revision, is_current in found.items() if is_current] == [migrate.head(), "b999"]


def test_a_downgrade_leaves_nothing_behind_and_the_next_upgrade_has_another_version_of_the_terms(
    tmp_path: Path,
) -> None:
    settings = migrate.config()
    engine = create_engine(f"sqlite:///{tmp_path / 'down.db'}")
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        versions = set()
        for revision in ("b050", "base"):
            command.upgrade(settings, "head")
            versions.add(connection.execute(text("SELECT terms_version FROM database_identity")).scalar_one())
            command.downgrade(settings, revision)
        assert [len(each) for each in versions] == [32, 32]
        assert _plain_tables(connection) == set()
    engine.dispose()
