"""At most once per key: the key, the work, its events and the answer are stored in one transaction."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson

from app.db import idempotency as keys_db
from app.db.idempotency import KeyRecord
from app.domain.errors import ErrorCode, Failure, raise_any, refuse
from app.domain.text import ascii_failure
from app.unit_of_work.action import Action
from app.unit_of_work.unit import UnitOfWork

Result = TypeVar("Result")
KEY_LENGTH_MAX = 80


@dataclass(frozen=True, slots=True)
class Written(Generic[Result]):
    """What a change resulted in, and whether it is the result of an earlier call with the same key."""

    value: Result
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """A caller's key for one action; `request` are the arguments, which a repeated call must give again."""

    owner: str
    text: str
    request: Any

    def __post_init__(self) -> None:
        raise_any([_key_failure(self.text)])


async def once(unit: UnitOfWork, action: Action[Result], arguments: Mapping[str, Any], key: Key) -> Written[Result]:
    """Run the action, or answer what the first call with this key resulted in, as it is now.

    The same key with other arguments is IDEMPOTENCY_KEY_REUSED.
    """
    if action.answer is None:
        raise AssertionError(f"{action.name} takes no idempotency key")
    record = _record(action, key)
    earlier = await keys_db.claim(unit.connection, record, now=unit.now)
    if earlier is not None:
        return Written(await _replay(unit, action, earlier, record), replayed=True)
    return Written(await action.run(unit, **arguments))


async def store(unit: UnitOfWork, action: Action[Result], key: Key, value: Result) -> None:
    """Store the result beside its key: ids and small facts."""
    assert action.answer is not None, "`once` has refused it"  # noqa: S101
    stored = {"facts": action.answer.facts(value), "changes": list(unit.changes)}
    await keys_db.keep_response(unit.connection, _record(action, key), orjson.dumps(stored).decode())


def _record(action: Action[Any], key: Key) -> KeyRecord:
    return KeyRecord(key.owner, action.name, key.text, _fingerprint(key.request), None)


def _key_failure(key: str) -> Failure | None:
    # MySQL compares texts without their trailing blanks.
    if key != key.strip():
        return Failure(ErrorCode.INVALID_INPUT, "remove the blanks around the idempotency key", "idempotencyKey")
    return ascii_failure(key, "idempotencyKey", KEY_LENGTH_MAX)


async def _replay(unit: UnitOfWork, action: Action[Result], earlier: KeyRecord, asked: KeyRecord) -> Result:
    if action.answer is None or earlier.request_hash != asked.request_hash or earlier.response is None:
        message = "this idempotency key was used with other input: send a new key"
        raise refuse(ErrorCode.IDEMPOTENCY_KEY_REUSED, message, "idempotencyKey")
    stored = orjson.loads(earlier.response)
    for object_id, patient in stored["changes"]:
        unit.changed(object_id, patient)
    return await action.answer.rebuild(unit, stored["facts"])


def _fingerprint(request: Any) -> str:
    plain = orjson.dumps(request, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS, default=_plain)
    return hashlib.sha256(plain).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    return str(value)
