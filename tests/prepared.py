"""Databases with all tables and the whole TUSS. The terms are 68,000 rows: after the first database of a kind, this
process copies them from there, which takes a tenth of the time."""

import asyncio
import atexit
import shutil
import tempfile
from pathlib import Path

from sqlalchemy import URL, make_url, text

from app.db import migrate
from app.runtime.build import database_of
from app.runtime.settings import Settings
from app.services import tuss_load

_files: list[Path] = []
_schemas: dict[str, str] = {}


async def prepare(settings: Settings) -> None:
    """Migrate the settings' database and load the TUSS terms that are missing."""
    url = make_url(settings.database)
    if url.get_backend_name() == "sqlite":
        await _prepare_file(settings, Path(url.database or ""))
    else:
        await _prepare_schema(settings, url)


async def _prepare_file(settings: Settings, file: Path) -> None:
    is_new = not await asyncio.to_thread(file.exists)
    if is_new and _files:
        await asyncio.to_thread(_copy, file)
        return
    await _load(settings)
    if is_new:
        _files.append(await asyncio.to_thread(_kept, file))


def _copy(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_files[0], file)


def _kept(file: Path) -> Path:
    directory = tempfile.mkdtemp(prefix="billing-prepared-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return Path(shutil.copy(file, directory))


async def _prepare_schema(settings: Settings, url: URL) -> None:
    server = f"{url.host}:{url.port}"
    if server in _schemas:
        await _load(settings, like=_schemas[server])
    else:
        await _load(settings)
        _schemas[server] = url.database or ""


async def _load(settings: Settings, *, like: str | None = None) -> None:
    """Migrate, copy the terms from the schema `like` of the same server."""
    database = database_of(settings)
    try:
        await migrate.upgrade(database)
        if like is None:
            await tuss_load.load(database, tuss_load.published_terms())
        else:
            copy = text(f"INSERT IGNORE INTO tuss_terms SELECT * FROM `{like}`.tuss_terms")  # noqa: S608 - our own name
            await database.transact(lambda connection: connection.execute(copy))
    finally:
        await database.dispose()
