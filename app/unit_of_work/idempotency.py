"""At most once per key: the key, the work, its events and the answer are stored in one transaction."""

import hashlib
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
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
    """The result of a change, and whether it is the result of an earlier call with the same key."""

    value: Result
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """A caller's key for one action; `request` is what a repeated call must send again: arguments and data scope."""

    owner: str
    text: str
    request: Any

    def __post_init__(self) -> None:
        raise_any([_key_failure(self.text)])


async def run_once(unit: UnitOfWork, action: Action[Result], arguments: Mapping[str, Any], key: Key) -> Written[Result]:
    """Run the action, or return the stored result of the first call with this key.

    Inserting the key locks it until the commit: a concurrent call with the same key, in any process, waits for that and
    then finds the result. If the first call is rolled back, so is its key, and the waiting call runs the action.
    The same key with other arguments is IDEMPOTENCY_KEY_REUSED.
    """
    if action.answer is None:
        raise AssertionError(f"{action.name} declares no answer, so it cannot have an idempotency key")
    record = _record(action, key)
    earlier = await keys_db.claim(unit.connection, record, now=unit.now)
    if earlier is not None:
        return Written(await _replay(unit, action, earlier, record), replayed=True)
    return Written(await action.run(unit, **arguments))


async def store(unit: UnitOfWork, action: Action[Result], key: Key, value: Result) -> None:
    """Store the result with its key, as ids and small facts, in the transaction of the change."""
    assert action.answer is not None, "checked by `run_once`"  # noqa: S101
    stored = {"facts": action.answer.facts(value), "changes": list(unit.changes)}
    await keys_db.keep_response(unit.connection, _record(action, key), orjson.dumps(stored).decode())


def _record(action: Action[Any], key: Key) -> KeyRecord:
    return KeyRecord(key.owner, action.name, key.text, fingerprint(key.request), None)


def _key_failure(key: str) -> Failure | None:
    # MySQL ignores trailing blanks in comparisons: two keys that differ in them would be one.
    if key != key.strip():
        return Failure(ErrorCode.INVALID_INPUT, "remove the blanks around the idempotency key", "idempotencyKey")
    return ascii_failure(key, "idempotencyKey", KEY_LENGTH_MAX)


async def _replay(unit: UnitOfWork, action: Action[Result], earlier: KeyRecord, repeated: KeyRecord) -> Result:
    if action.answer is None or earlier.request_hash != repeated.request_hash or earlier.response is None:
        message = "this idempotency key was used with other input: send a new key"
        raise refuse(ErrorCode.IDEMPOTENCY_KEY_REUSED, message, "idempotencyKey")
    stored = orjson.loads(earlier.response)
    # A repeated call shows the result again: the access log names the same objects and patients as the first time.
    for object_id, patient in stored["changes"]:
        unit.changed(object_id, patient)
    return await action.answer.rebuild(unit, stored["facts"])


def fingerprint(request: Any) -> str:
    """A hash of the request: it is enough to compare, and stores no personal data.

    What has its default, or is null, is left out: a field that a later release adds does not make a repeated request
    another one, as long as the caller does not send it.
    """
    return hashlib.sha256(orjson.dumps(_plain(request), option=orjson.OPT_SORT_KEYS)).hexdigest()


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        given = {each.name: (getattr(value, each.name), _default(each)) for each in fields(value)}
        return {name: _plain(part) for name, (part, default) in given.items() if part is not None and part != default}
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items() if part is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, (set, frozenset)):
        # Their order says nothing.
        return sorted(map(str, value))
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    return value if isinstance(value, bool | int) else str(value)


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
