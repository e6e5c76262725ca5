"""An action: everything that the gateway knows about one kind of change, in one place."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar, get_type_hints

from sqlalchemy.ext.asyncio import AsyncConnection

from app.domain.data_scope import DataScope
from app.domain.errors import ErrorCode, refuse
from app.unit_of_work.unit import UnitOfWork
from app.values.adapters import adapter_of
from app.values.frozen import frozen

Result = TypeVar("Result")


class HasId(Protocol):
    """A record with a public id."""

    @property
    def id(self) -> str: ...


Row = TypeVar("Row", bound=HasId)
ByIds = Callable[[AsyncConnection, DataScope, Sequence[str]], Awaitable[list[Row]]]


@frozen
class StoredAnswer(Generic[Result]):
    """How the result of a call with an idempotency key is stored, and read again for a repeated call.

    `facts` returns ids and small facts as JSON values, never a document or personal data; `rebuild` reads the result
    from them, within the data scope of the caller, so that a caller who has lost access gets NOT_FOUND.
    """

    facts: Callable[[Result], Any]
    rebuild: Callable[[UnitOfWork, Any], Awaitable[Result]]


def named_ids(arguments: Mapping[str, Any]) -> list[str]:
    """The ids among the arguments `id`, `claim_id` and `claim_ids`."""
    single = [arguments[name] for name in ("id", "claim_id") if name in arguments]
    return [*single, *arguments.get("claim_ids", ())]


@frozen
class Action(Generic[Result]):
    """One kind of change.

    `name` is the mutation, the metric's label, the scope of its idempotency keys and the access log's operation;
    `needs` the permission (None: only the gateway itself runs it); `run` the service, called with the unit of work and
    the arguments; `answer` how its result is stored under a key (None: it cannot have a key); `offers` its entries
    among `availableActions`; `prepare` turns the arguments into those of `run` before the transaction starts, for work
    that needs no database; its first argument is the child processes for it; `seconds` replaces the limit of a
    transaction, for one that computes much; `aggregates` names the rows that it locks, by its arguments; `finds_cards`
    says that its outcome shows whether a card exists; `resent` puts into a replayed result the texts that the caller
    has sent again,
    with these arguments: they are not stored with the key, and a later change may have erased them.
    """

    name: str
    run: Callable[..., Awaitable[Result]]
    needs: str | None = None
    answer: StoredAnswer[Result] | None = None
    offers: StrEnum | tuple[StrEnum, ...] | None = None
    prepare: Callable[..., Awaitable[Mapping[str, Any]]] | None = None
    seconds: float | None = None
    aggregates: Callable[[Mapping[str, Any]], Sequence[str]] = named_ids
    finds_cards: bool = False
    resent: Callable[[Result, Mapping[str, Any]], Result] | None = None


class StoredRecord(Generic[Row]):
    """How a record is stored with an answer: its id, and the columns that later actions may change.

    A repeated call must return what the first one returned, but the record may have changed since: the columns named
    here are stored as they were. All other columns are read again: storing them would store personal data twice.
    A column added later is missing in older answers, and is then read again too.
    """

    def __init__(self, record: type[Row], by_ids: ByIds[Row], *columns: str, texts: Sequence[str] = ()) -> None:
        """`texts` are columns with what people wrote: only that one was null is stored, never the text."""
        self._by_ids = by_ids
        self._texts = texts
        hints = get_type_hints(record)
        self._columns = {name: hints[name] for name in (*columns, *texts)}

    def facts(self, record: Row) -> dict[str, Any]:
        """The record's id and the values of the columns."""
        found = {"id": record.id} | {name: getattr(record, name) for name in self._columns}
        return {name: value for name, value in found.items() if value is None or name not in self._texts}

    async def read(self, unit: UnitOfWork, facts: Sequence[dict[str, Any]]) -> list[Row]:
        """The records of these facts, in the same order; NOT_FOUND if one no longer exists."""
        ids = [each["id"] for each in facts]
        found = {each.id: each for each in await self._by_ids(unit.connection, unit.scope, ids)} if ids else {}
        if missing := [each for each in ids if each not in found]:
            message = f"the first call with this key changed {missing[0]}, which no longer exists"
            raise refuse(ErrorCode.NOT_FOUND, message, "idempotencyKey")
        return [self._restored(found[each["id"]], each) for each in facts]

    def _restored(self, record: Row, facts: dict[str, Any]) -> Row:
        stored = {
            name: adapter_of(kind).validate_python(facts[name]) for name, kind in self._columns.items() if name in facts
        }
        restored: Row = replace(record, **stored)  # type: ignore[type-var]  # every record is a dataclass
        return restored


def answer_of_one(stored: StoredRecord[Row]) -> StoredAnswer[Row]:
    """The answer of an action whose result is one record."""

    async def rebuild(unit: UnitOfWork, facts: Any) -> Row:
        return (await stored.read(unit, [facts]))[0]

    return StoredAnswer(stored.facts, rebuild)
