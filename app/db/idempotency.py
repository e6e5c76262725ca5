"""Queries on idempotency keys: one row per subject, operation and key, written with the work it stands for."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Insert, Select, Update, func, select, update
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.records import row
from app.db.session import Session
from app.db.statements import query_one, writing
from app.db.tables import idempotency_keys
from app.values.frozen import frozen


@frozen
class KeyRecord:
    subject: str
    operation: str
    key: str
    request_hash: str
    response: str | None


WAS_THERE: Final = 1
KEY = tuple(idempotency_keys.c[name] for name in KeyRecord.__dataclass_fields__)


def _is(record: KeyRecord) -> list[ColumnElement[bool]]:
    table = idempotency_keys.c
    return [table.subject == record.subject, table.operation == record.operation, table.key == record.key]


async def claim(connection: AsyncConnection, record: KeyRecord, *, now: datetime) -> KeyRecord | None:
    """Take the key, or return the row of whoever took it first.

    A second caller with the same key waits here until the first transaction ends. It is an upsert and not an INSERT
    inside a savepoint: a deadlock drops the savepoint, and would look like a failure of another kind.
    """
    if isinstance(connection, Session):
        await _take(connection, record, now)
        if connection.inserted_id != WAS_THERE:
            return None
    else:
        await _take_on_sqlite(connection, record, now)
    found = await _locked(connection, record)
    # A committed row always has its answer: without one it is the row that was written just now.
    return found if found is not None and found.response is not None else None


@writing
def _take(record: KeyRecord, now: datetime) -> mysql.Insert:
    taken = mysql.insert(idempotency_keys).values(**row(record), created_at=now)
    # The server gives this number back if the row was there, and 0 if it is new.
    key = idempotency_keys.c.key
    return taken.on_duplicate_key_update(key=func.if_(func.last_insert_id(WAS_THERE), key, key))


@writing
def _take_on_sqlite(record: KeyRecord, now: datetime) -> Insert:
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415 - 5 ms, and with SQLite its engine has imported it

    return sqlite.insert(idempotency_keys).values(**row(record), created_at=now).on_conflict_do_nothing()


@query_one(KeyRecord)
def _locked(record: KeyRecord) -> Select[Any]:
    return select(*KEY).where(*_is(record)).with_for_update()


@writing
def keep_response(record: KeyRecord, response: str) -> Update:
    """Store what the first call answered, in the transaction of its work."""
    return update(idempotency_keys).where(*_is(record)).values(response=response)
