"""An upgrade beside the running release: who writes meanwhile, who else upgrades, and what a killed upgrade leaves."""

import asyncio
import contextlib
import tempfile
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Column, create_engine, inspect, make_url
from sqlalchemy.engine import Connection

from app.db import migrate, outbox, tables
from app.db import migration_steps as steps
from app.db.clock import process_time
from app.db.engine import Database
from app.db.outbox import NewEvent
from app.db.types import ascii_text
from app.domain import ids
from tests.architecture.sample_rows import Rows, Samples, all_rows
from tests.architecture.test_migrations import drift
from tests.commands import ForkedProcess, billing, inherited, start
from tests.figures import Figures, assert_within
from tests.length import scaled
from tests.servers.mysql import create_database
from tests.services import Services

ROWS = scaled(full=1_000_000, short=20_000)
WAIT_SECONDS_MAX = 1.0
TABLES_DONE = 12
REVISIONS = [each.revision for each in reversed(list(migrate.scripts().walk_revisions()))]
KINDS = ("sqlite", "mysql")
COPY = (
    "INSERT INTO outbox (id, event_id, {columns}) "
    "SELECT id + {rows}, CONCAT('evt_', id + {rows}), {columns} FROM outbox ORDER BY id LIMIT {more}"
)
NewUrl = Callable[[str], str]


@pytest.fixture
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> NewUrl:
    """The address of an empty database of a kind."""

    def made(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite+aiosqlite:///{tmp_path / 'steps.db'}"
        services: Services = request.getfixturevalue("services")
        name = f"steps_{uuid.uuid4().hex[:10]}"
        create_database(services.mysql.url, name)
        return services.mysql.url.rstrip("/") + f"/{name}"

    return made


@pytest.mark.parametrize("kind", KINDS)
async def test_the_rows_of_every_earlier_revision_are_still_there(kind: str, new_url: NewUrl) -> None:
    """One database is upgraded revision by revision, and gets rows at each of them."""
    database, samples = Database(await asyncio.to_thread(new_url, kind)), Samples()
    before: dict[str, Rows] = {}
    try:
        for revision in REVISIONS:
            await migrate.upgrade(database, revision)
            async with database.engine.begin() as connection:
                before[revision] = await connection.run_sync(samples.insert)
        async with database.engine.connect() as connection:
            after = await connection.run_sync(all_rows)
            assert await connection.run_sync(drift) == []
            if database.is_sqlite:
                assert (await connection.exec_driver_sql("PRAGMA foreign_key_check")).all() == []
    finally:
        await database.dispose()
    assert set(before[REVISIONS[0]]) < {name for tables_then in before.values() for name in tables_then}
    assert {name for tables_then in before.values() for name in tables_then} == set(after)
    for revision, rows_then in before.items():
        for table, rows in rows_then.items():
            kept = {tuple(row[name] for name in rows[0]) for row in after[table]}
            assert [row for row in rows if tuple(row.values()) not in kept] == [], (revision, table)


@pytest.mark.parametrize("kind", KINDS)
async def test_three_upgrades_at_once_all_succeed(kind: str, new_url: NewUrl) -> None:
    url = await asyncio.to_thread(new_url, kind)
    done = await asyncio.gather(*[asyncio.to_thread(billing, "migrate", BILLING_DATABASE_URL=url) for _ in range(3)])
    assert [(each.returncode, each.stderr) for each in done] == [
        (0, f"the database is at revision {migrate.head()}\n")
    ] * 3
    assert await _drift_of(url) == []


@pytest.mark.parametrize("kind", KINDS)
async def test_an_upgrade_that_was_killed_is_continued(kind: str, new_url: NewUrl) -> None:
    url = await asyncio.to_thread(new_url, kind)
    found = await asyncio.to_thread(_killed_after, url, TABLES_DONE)
    done = await asyncio.to_thread(billing, "migrate", BILLING_DATABASE_URL=url)
    assert (done.returncode, done.stderr) == (0, f"the database is at revision {migrate.head()}\n")
    assert await _drift_of(url) == []
    if kind == "sqlite":
        # One transaction: nobody sees a table before all of them are there.
        assert found in {0, len(tables.claims.metadata.tables) + 1}


def _killed_after(url: str, tables_done: int) -> int:
    """Kill an upgrade when so many tables are there, or (SQLite shows none) after a moment; how many are left."""
    process = _started(url)
    ends_at = time.monotonic() + (0.2 if url.startswith("sqlite") else 30)
    engine = create_engine(_sync(url))
    try:
        while time.monotonic() < ends_at and process.poll() is None:
            if len(inspect(engine).get_table_names()) >= tables_done:
                break
            time.sleep(0.005)
        process.kill()
        return len(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def _started(url: str) -> ForkedProcess:
    with tempfile.TemporaryFile("w+") as nothing:
        return start(["migrate"], {**inherited(), "BILLING_DATABASE_URL": url}, (nothing, nothing, nothing), Path.cwd())


async def test_a_refused_step_is_one_line(new_url: NewUrl) -> None:
    url = await asyncio.to_thread(new_url, "mysql")
    database = Database(url)
    try:
        async with database.engine.begin() as connection:
            await connection.exec_driver_sql("CREATE TABLE payers (ans_code INT)")
    finally:
        await database.dispose()
    done = await asyncio.to_thread(billing, "migrate", BILLING_DATABASE_URL=url)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("billing: the migration was refused: (")


def _sync(url: str) -> str:
    """The same address for a driver without an event loop."""
    found = make_url(url)
    driver = "sqlite" if found.get_backend_name() == "sqlite" else "mysql+pymysql"
    return found.set(drivername=driver).render_as_string(hide_password=False)


async def _drift_of(url: str) -> list[object]:
    database = Database(url)
    try:
        async with database.engine.connect() as connection:
            return await connection.run_sync(drift)
    finally:
        await database.dispose()


async def test_writers_wait_less_than_a_second_while_a_table_is_expanded_and_filled(
    new_url: NewUrl, figures: Figures
) -> None:
    url = await asyncio.to_thread(new_url, "mysql")
    database = Database(url)
    try:
        await migrate.upgrade(database)
        await asyncio.to_thread(_fill, _sync(url))
        alone: list[float] = []
        waits: list[float] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await _write(database, alone)
        writer = asyncio.create_task(_write(database, waits))
        began = time.monotonic()
        changed = await asyncio.to_thread(_expand, _sync(url))
        seconds = time.monotonic() - began
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        async with database.engine.connect() as connection:
            left = await connection.exec_driver_sql(
                f"SELECT COUNT(*) FROM outbox WHERE id <= {ROWS} AND partition_key IS NULL"  # noqa: S608 - our own number
            )
            assert left.scalar_one() == 0
    finally:
        await database.dispose()
    assert changed >= ROWS
    assert len(waits) > 10
    # Beside what the machine itself takes for a write, which is busy with other tests.
    assert_within(WAIT_SECONDS_MAX + max(alone), longest_wait=max(waits))
    figures(
        rows=ROWS,
        upgrade_seconds=seconds,
        writes=len(waits),
        longest_write_seconds=max(waits),
        longest_write_alone=max(alone),
    )


def _fill(url: str) -> None:
    """Rows in the outbox, by doubling what is there."""
    columns = "name, aggregate_id, data, recorded_at, published_at"
    first = "SELECT 1, 'evt_1', 'ClaimCreated', 'clm_1', '{}', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6)"
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"INSERT INTO outbox (id, event_id, {columns}) {first}")
        connection.commit()
        rows = 1
        while rows < ROWS:
            more = min(rows, ROWS - rows)
            copied = COPY.format(columns=columns, rows=rows, more=more)
            connection.exec_driver_sql(copied)
            connection.commit()
            rows += more
    engine.dispose()


async def _write(database: Database, waits: list[float]) -> None:
    """What the running release writes, which knows nothing of the new column."""
    while True:
        event = NewEvent(ids.new_id(ids.EVENT), "ClaimCreated", "clm_2", None, None, None, "{}", process_time())
        began = time.monotonic()
        await database.transact(partial(outbox.insert_events, events=[event]))
        waits.append(time.monotonic() - began)


def _expand(url: str) -> int:
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.exec_driver_sql(migrate.WITHOUT_LIMITS)
        connection.commit()
        changed = _steps(connection)
    engine.dispose()
    return changed


def _steps(connection: Connection) -> int:
    """A column, its values in the rows that are there, and its index."""
    context = MigrationContext.configure(connection)
    with Operations.context(context), context.begin_transaction(_per_migration=True):
        steps.add_column("outbox", Column("partition_key", ascii_text(30), nullable=True))
        changed = steps.backfill("outbox", "id", {"partition_key": "aggregate_id"}, missing="partition_key IS NULL")
        steps.create_index("ix_outbox_partition_key", "outbox", ["partition_key"])
    return changed


def test_a_column_that_the_running_release_would_have_to_fill_is_refused() -> None:
    with pytest.raises(ValueError, match=r"claims\.color must be nullable or have a server default"):
        steps.add_column("claims", Column("color", ascii_text(10), nullable=False))
