"""Queries on idempotency keys: one row per subject, operation and key, written with the work it stands for."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Insert, select, update
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import fetch_one, run
from app.db.tables import idempotency_keys


@dataclass(frozen=True, slots=True)
class KeyRecord:
    subject: str
    operation: str
    key: str
    request_hash: str
    response: str | None


KEY = tuple(idempotency_keys.c[name] for name in KeyRecord.__dataclass_fields__)


def _is(record: KeyRecord) -> list[ColumnElement[bool]]:
    table = idempotency_keys.c
    return [table.subject == record.subject, table.operation == record.operation, table.key == record.key]


async def claim(connection: AsyncConnection, record: KeyRecord, *, now: datetime) -> KeyRecord | None:
    """Take the key, or return the row of whoever took it first.

    A second caller with the same key waits here until the first transaction ends. It is an upsert and not an INSERT
    inside a savepoint: a deadlock drops the savepoint, and would look like a failure of another kind.
    """
    values = {name: getattr(record, name) for name in KeyRecord.__dataclass_fields__}
    await run(connection, _upsert(connection).values(**values, created_at=now))
    found = await fetch_one(connection, select(*KEY).where(*_is(record)).with_for_update(), KeyRecord)
    # A committed row always has its answer: without one it is the row that was written just now.
    return found if found is not None and found.response is not None else None


def _upsert(connection: AsyncConnection) -> Insert:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(idempotency_keys).on_conflict_do_nothing()
    return mysql.insert(idempotency_keys).on_duplicate_key_update(key=idempotency_keys.c.key)


async def keep_response(connection: AsyncConnection, record: KeyRecord, response: str) -> None:
    """Store what the first call answered, in the transaction of its work."""
    await run(connection, update(idempotency_keys).where(*_is(record)).values(response=response))
