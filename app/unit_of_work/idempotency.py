"""At most once per key: the key, the work, its events and the answer stand in one transaction."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import orjson
from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import idempotency as keys_db
from app.db.idempotency import KeyRecord
from app.domain.errors import ErrorCode, Failure, raise_any, refuse
from app.domain.text import ascii_failure

Answer = TypeVar("Answer")
KEY_LENGTH_MAX = 80


@dataclass(frozen=True, slots=True)
class Written(Generic[Answer]):
    """What a mutation answered, and whether it is the stored answer of an earlier call."""

    value: Answer
    replayed: bool = False


async def once(
    connection: AsyncConnection,
    *,
    subject: str,
    operation: str,
    key: str | None,
    request: Any,
    answer: TypeAdapter[Answer],
    work: Callable[[AsyncConnection], Awaitable[Answer]],
    now: datetime,
) -> Written[Answer]:
    """Do the work, or answer what the first call with this key answered.

    `request` is anything that JSON can hold; the same key with another request is IDEMPOTENCY_KEY_REUSED. Without a
    key the work is simply done.
    """
    if key is None:
        return Written(await work(connection))
    raise_any([_key_failure(key)])
    record = KeyRecord(subject, operation, key, _fingerprint(request), None)
    earlier = await keys_db.claim(connection, record, now=now)
    if earlier is not None:
        return Written(_replay(earlier, record, answer), replayed=True)
    value = await work(connection)
    await keys_db.keep_response(connection, record, answer.dump_json(value).decode())
    return Written(value)


def _key_failure(key: str) -> Failure | None:
    # MySQL compares texts without their trailing blanks.
    if key != key.strip():
        return Failure(ErrorCode.INVALID_INPUT, "remove the blanks around the idempotency key", "idempotencyKey")
    return ascii_failure(key, "idempotencyKey", KEY_LENGTH_MAX)


def _replay(earlier: KeyRecord, asked: KeyRecord, answer: TypeAdapter[Answer]) -> Answer:
    if earlier.request_hash != asked.request_hash or earlier.response is None:
        message = "this idempotency key was used with another input"
        raise refuse(ErrorCode.IDEMPOTENCY_KEY_REUSED, message, "idempotencyKey")
    return answer.validate_json(earlier.response)


def _fingerprint(request: Any) -> str:
    plain = orjson.dumps(request, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS, default=_plain)
    return hashlib.sha256(plain).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)
