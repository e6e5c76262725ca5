"""Databases with all tables and TUSS terms. The first worker that needs one makes it for the whole run, and it is
copied from then on: its migrations and the 68,000 terms take seconds of processor time."""

import asyncio
import fcntl
import json
import os
import shutil
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pymysql
from sqlalchemy import URL, make_url

from app.db import identity, migrate
from app.db import tuss as tuss_db
from app.db.engine import Database
from app.runtime.build import database_of
from app.runtime.settings import Settings
from app.services import tuss_load
from tests.servers.mysql import create_database

FOLDER: Final = "BILLING_TEST_PREPARED"
"""The variable with the folder of the run, where what was made for all of it is known from."""
FEW: Final = frozenset({"10101012", "40304361"})
"""The codes of what most tests bill."""
TERMS: Final = "tuss_terms"
VERSION: Final = "SELECT VERSION()"
_shared: dict[str, URL] = {}


def share(address: str) -> None:
    """Say that many databases of the run are on this server: one is made there to be copied, also to a server of the
    same version that a few tests have for themselves."""
    url = make_url(address)
    _shared[_server(url)] = url


def _server(url: URL) -> str:
    return f"{url.host}-{url.port}"


async def prepare(settings: Settings, *, has_all_terms: bool = True) -> None:
    """Migrate the settings' database, and load the TUSS terms: all, or those of what most tests bill."""
    url = make_url(settings.database)
    database = database_of(settings)
    try:
        if not await _is_copied(url, has_all_terms=has_all_terms):
            await _load(database, has_all_terms=has_all_terms)
        else:
            await database.transact(identity.renew)
    finally:
        await database.dispose()


async def _load(database: Database, *, has_all_terms: bool) -> None:
    await migrate.upgrade(database)
    if has_all_terms:
        await tuss_load.load(database, tuss_load.published_terms())
    else:
        await database.transact(lambda connection: tuss_db.insert_many(connection, _few_terms()))


@cache
def _few_terms() -> list[dict[str, Any]]:
    records = json.loads((files("tiss.tuss") / "_data" / "tuss.json").read_bytes())["records"]
    return [tuss_load._row(record) for record in records if record["codigo"] in FEW]


async def _is_copied(url: URL, *, has_all_terms: bool) -> bool:
    """Whether there was nothing yet, and is now a copy of what the run has."""
    name = "whole" if has_all_terms else "few"
    if FOLDER not in os.environ:
        return False
    if url.get_backend_name() == "sqlite":
        file = Path(url.database or "")
        if await asyncio.to_thread(file.exists):
            return False
        found = await _made(f"{name}.db", partial(_make_file, has_all_terms))
        await asyncio.to_thread(_copy_file, found, file)
        return True
    source = _shared.get(_server(url)) or next(iter(_shared.values()), None)
    # Another account may have to prove who it is, or may make no tables.
    if source is None or source.username != url.username or not await asyncio.to_thread(_fits, source, url):
        return False
    found = await _made(f"{_server(source)}.json", partial(_make_schema, source))
    await asyncio.to_thread(_copy, Copying(**json.loads(found.read_text())), source, url, has_all_terms)
    return True


def _fits(source: URL, url: URL) -> bool:
    """Whether the database has nothing yet, and its server is the source or as good as it."""
    return not _tables(url) and _run(source, [VERSION]) == _run(url, [VERSION])


async def _made(name: str, make: Callable[[Path], Awaitable[None]]) -> Path:
    """The file of the run's folder; one process makes it, the others wait for it."""
    folder = Path(os.environ[FOLDER])
    found, draft = folder / name, folder / f"{name}.draft"
    if not found.exists():
        with (folder / f"{name}.lock").open("w") as lock:
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
            if not found.exists():
                await make(draft)
                draft.rename(found)
    return found


async def _make_file(has_all_terms: bool, draft: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{draft}")
    try:
        await _load(database, has_all_terms=has_all_terms)
    finally:
        await database.dispose()


def _copy_file(found: Path, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(found, file)


async def _make_schema(url: URL, draft: Path) -> None:
    """A database beside the tests' own, and how to copy it."""
    name = Path(os.environ[FOLDER]).name.replace("-", "_")
    address, model = (url.set(database=each).render_as_string(hide_password=False) for each in ("", name))
    await asyncio.to_thread(create_database, address, name)
    database = Database(model)
    try:
        await _load(database, has_all_terms=True)
    finally:
        await database.dispose()
    copying = await asyncio.to_thread(_copying, make_url(model))
    await asyncio.to_thread(draft.write_text, json.dumps(asdict(copying)))


@dataclass(frozen=True)
class Copying:
    """The statements that make the tables, and for each table with rows the one that reads them."""

    tables: list[str]
    rows: dict[str, str]


def _copying(model: URL) -> Copying:
    names = _tables(model)
    # A table may refer to one that is made later.
    made = ["SET foreign_key_checks = 0", *[_run(model, [f"SHOW CREATE TABLE `{name}`"])[0][1] for name in names]]
    filled = [name for name in names if _run(model, [f"SELECT 1 FROM `{name}` LIMIT 1"])]  # noqa: S608 - our own names
    return Copying(made, {name: f"SELECT * FROM `{model.database}`.`{name}`" for name in filled})  # noqa: S608


def _copy(copying: Copying, source: URL, url: URL, has_all_terms: bool) -> None:
    few = ", ".join(f"'{code}'" for code in sorted(FEW))
    rows = copying.rows if has_all_terms else {**copying.rows, TERMS: f"{copying.rows[TERMS]} WHERE code IN ({few})"}
    if _server(source) == _server(url):
        _run(url, [*copying.tables, *[f"INSERT INTO `{name}` {reading}" for name, reading in rows.items()]])
        return
    _run(url, copying.tables)
    for name, reading in rows.items():
        _insert(url, name, _run(source, [reading]))


def _insert(url: URL, name: str, rows: tuple[tuple[Any, ...], ...]) -> None:
    places = ", ".join(["%s"] * len(rows[0]))
    with closing(_connection(url)) as connection, connection.cursor() as cursor:
        cursor.executemany(f"INSERT INTO `{name}` VALUES ({places})", rows)  # noqa: S608 - our own name


def _tables(url: URL) -> list[str]:
    return [row[0] for row in _run(url, ["SHOW TABLES"])]


def _run(url: URL, statements: list[str]) -> tuple[tuple[Any, ...], ...]:
    """The rows of the last statement."""
    with closing(_connection(url)) as connection, connection.cursor() as cursor:
        for each in statements:
            cursor.execute(each)
        return tuple(cursor.fetchall())


def _connection(url: URL) -> "pymysql.Connection[Any]":
    account = {"user": url.username or "", "password": url.password or ""}
    return pymysql.connect(host=url.host, port=url.port or 3306, database=url.database, autocommit=True, **account)
