"""Queries on idempotency keys: one row per subject, operation and key, written with the work it stands for."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.exc import IntegrityError
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

    A second caller with the same key waits here until the first transaction ends: the unique index holds it back.
    """
    try:
        async with connection.begin_nested():
            values = {name: getattr(record, name) for name in KeyRecord.__dataclass_fields__}
            await run(connection, insert(idempotency_keys).values(**values, created_at=now))
    except IntegrityError:
        return await fetch_one(connection, select(*KEY).where(*_is(record)).with_for_update(), KeyRecord)
    return None


async def keep_response(connection: AsyncConnection, record: KeyRecord, response: str) -> None:
    """Store what the first call answered, in the transaction of its work."""
    await run(connection, update(idempotency_keys).where(*_is(record)).values(response=response))
