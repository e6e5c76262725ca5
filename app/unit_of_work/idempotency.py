"""At most once per key: the key, the work, its events and the answer are stored in one transaction."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Final, Generic, TypeVar

import orjson

from app.db import idempotency as keys_db
from app.db.idempotency import KeyRecord
from app.domain.errors import ErrorCode, Failure, raise_any, refuse
from app.domain.text import ascii_failure
from app.unit_of_work.action import Action
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

Result = TypeVar("Result")
KEY_LENGTH_MAX = 80
PARTS_AT_ONCE: Final = 100
"""So many parts of a list, each with denials of its own, take a few milliseconds."""


@frozen
class Written(Generic[Result]):
    """The result of a change, whether it is the result of an earlier call with the same key, and whether the change
    named a card that did not exist."""

    value: Result
    replayed: bool = False
    is_card_unknown: bool = False


@frozen
class Key:
    """A caller's key for one action, with the fingerprint of what a repeated call must send again."""

    owner: str
    text: str
    request_hash: str

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
        found = await _replay(unit, action, earlier, record)
        return Written(found if action.resent is None else action.resent(found, arguments), replayed=True)
    return Written(await action.run(unit, **arguments))


async def store(unit: UnitOfWork, action: Action[Result], key: Key, value: Result) -> None:
    """Store the result with its key, as ids and small facts, in the transaction of the change."""
    assert action.answer is not None, "checked by `run_once`"  # noqa: S101
    stored = {"facts": action.answer.facts(value), "changes": list(unit.changes)}
    await keys_db.keep_response(unit.connection, _record(action, key), orjson.dumps(stored).decode())


def _record(action: Action[Any], key: Key) -> KeyRecord:
    return KeyRecord(key.owner, action.name, key.text, key.request_hash, None)


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


async def fingerprint(request: Any) -> str:
    """A hash of the request: it is enough to compare, and stores no personal data.

    What has its default, or is null, is left out: a field that a later release adds does not make a repeated request
    another one, as long as the caller does not send it.
    """
    plain = await _plain_in_turns(request)
    return hashlib.sha256(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)).hexdigest()


async def _plain_in_turns(value: Any) -> Any:
    """As `_plain`, with turns for others while a list is long."""
    kind = _kind(value.__class__)
    if kind is _Kind.OBJECT:
        return {name: await _plain_in_turns(part) for name, part in _given(value)}
    if kind is _Kind.MAPPING:
        return {str(name): await _plain_in_turns(part) for name, part in value.items() if part is not None}
    if kind is not _Kind.LIST:
        return _plain(value)
    if len(value) <= PARTS_AT_ONCE:
        return [_plain(each) if _kind(each.__class__) in _SHORT else await _plain_in_turns(each) for each in value]
    found = []
    for start in range(0, len(value), PARTS_AT_ONCE):
        await asyncio.sleep(0)
        found += [_plain(each) for each in value[start : start + PARTS_AT_ONCE]]
    return found


class _Kind(Enum):
    """How values of a type become plain."""

    TEXT = 1
    NUMBER = 2
    OBJECT = 3
    MAPPING = 4
    LIST = 5
    SET = 6
    BYTES = 7
    OTHER = 8


_KINDS: Final[tuple[tuple[Any, _Kind], ...]] = (
    (str, _Kind.TEXT),
    (int, _Kind.NUMBER),
    (Mapping, _Kind.MAPPING),
    ((list, tuple), _Kind.LIST),
    ((set, frozenset), _Kind.SET),
    (bytes, _Kind.BYTES),
)
_SHORT: Final = frozenset({_Kind.TEXT, _Kind.NUMBER, _Kind.OTHER})


@cache
def _kind(kind: type[Any]) -> _Kind:
    """Looked up once for each type: a claim of 100 items has a thousand values."""
    if is_dataclass(kind) and not issubclass(kind, str | int):
        return _Kind.OBJECT
    return next((found for base, found in _KINDS if issubclass(kind, base)), _Kind.OTHER)


def _plain(value: Any) -> Any:
    kind = _kind(value.__class__)
    if kind is _Kind.TEXT:
        return str(value)
    if kind is _Kind.NUMBER:
        return value
    return _OTHERS[kind](value)


def _given(value: Any) -> Iterator[tuple[str, Any]]:
    """What an object has beside nulls and defaults."""
    for name, default in _defaults(value.__class__):
        part = getattr(value, name)
        if part is not None and part != default:
            yield name, part


_OTHERS: Final[dict[_Kind, Callable[[Any], Any]]] = {
    _Kind.OBJECT: lambda value: {name: _plain(part) for name, part in _given(value)},
    _Kind.MAPPING: lambda value: {str(name): _plain(part) for name, part in value.items() if part is not None},
    _Kind.LIST: lambda value: [_plain(each) for each in value],
    # Their order says nothing.
    _Kind.SET: lambda value: sorted(map(str, value)),
    _Kind.BYTES: lambda value: hashlib.sha256(value).hexdigest(),
    _Kind.OTHER: str,
}


@cache
def _defaults(kind: type[Any]) -> list[tuple[str, Any]]:
    """The names of a dataclass's fields with their defaults; MISSING for none."""
    return [(each.name, _default(each)) for each in fields(kind)]


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
