"""The context of a request; never shared between requests, operations, or events of a subscription."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from operator import attrgetter
from typing import Any, Final, Protocol, TypeVar

from app.access_log.notes import OperationNotes
from app.access_log.writer import AccessLogWriter
from app.auth.principal import Principal
from app.db import emergency
from app.db.engine import Database
from app.db.outbox import LogPlace
from app.domain.access_log import DataClass, purpose_of
from app.domain.actor import Actor, Door
from app.domain.cursor_key import CursorKey
from app.domain.data_scope import DataScope
from app.domain.errors import BillingError
from app.events.cursors import StreamCursors
from app.events.hub import Hub
from app.events.listeners import StreamEvent
from app.executor.asked import Asked
from app.language.choice import Language, language
from app.redis.cache import Cache
from app.redis.rate_limit import RateLimit
from app.redis.unknown_cards import UnknownCards
from app.resolvers.level_batches import Loader
from app.resolvers.loaders import Loaders
from app.services.tuss_search import TussSearch
from app.telemetry.metrics import Metrics
from app.transport.work import Admit, Work
from app.unit_of_work.action import Action
from app.unit_of_work.idempotency import Written
from app.unit_of_work.run import Changes
from app.values.frozen import frozen

Result = TypeVar("Result")


@frozen
class AccessLimits:
    """How much of people's data one caller may reach: emergency accesses in 24 hours, and how many persons one
    operation may show before its entry in the access log is stored."""

    emergencies: int = 3
    persons_unlogged: int = 20


_USUAL_LIMITS: Final = AccessLimits()


class Callers(Protocol):
    """Who finds the caller of a token."""

    async def principal(self, authorization: str | None, certificate: bytes | None = None) -> Principal:
        """The caller of an Authorization header and the connection's certificate."""


@dataclass(slots=True)
class _Given:
    """What a context is made of. In slots: each of thousands of streams and sockets has one or two, and a dict of so
    many names takes a kilobyte."""

    principal: Principal
    database: Database
    cache: Cache
    hub: Hub
    metrics: Metrics
    callers: Callers
    changes: Changes
    access_log: AccessLogWriter
    rate: RateLimit
    tuss: TussSearch
    cursor_key: CursorKey
    stream_cursors: StreamCursors
    unknown_cards: UnknownCards
    now: Callable[[], datetime]
    request_id: str
    address: str = ""
    certificate: bytes | None = None
    limits: AccessLimits = _USUAL_LIMITS
    is_schema_public: bool = False
    is_over_socket: bool = False
    log_place: LogPlace | None = None
    asked: Asked = None
    door: Door = Door.GRAPHQL
    checking: Callable[[Action[Any]], Action[Any]] | None = None
    """What turns the next actions into checks: values of their input could not be read."""


class Context(_Given):
    """The caller, the clock, and the resources of the process."""

    @property
    def is_authenticated(self) -> bool:
        """Whether the caller has identified themselves, by a token or a certificate."""
        return not self.principal.is_anonymous

    @property
    def caller(self) -> str:
        """Whose rate and streams are counted: the token's subject, else the address."""
        return self.principal.subject or f"@{self.address}"

    @property
    def admit(self) -> Admit:
        """Takes tokens from the caller's rate limit; RateLimited if there are too few.

        It leads to the limit and not to the context, whose work keeps it: that would be a cycle.
        """
        return partial(self.rate.take, self.caller)

    @property
    def may_introspect(self) -> bool:
        """Whether the caller may read the schema."""
        return self.is_schema_public or "schema:introspect" in self.principal.permissions

    @cached_property
    def scope(self) -> DataScope:
        """The data scope of the caller's token."""
        principal = self.principal
        providers = frozenset(principal.providers - {"*"})
        return DataScope(providers, principal.payer, principal.patient, any_provider=principal.has_any_provider)

    @cached_property
    def work(self) -> Work:
        """What this operation, or this event of a subscription, has used of its budget."""
        return Work()

    @cached_property
    def loaders(self) -> Loaders:
        """The dataloaders, created on first use and dropped after every write."""
        return Loaders(self.database, self.scope, self.work, self.principal.subject, self.asked)

    @property
    def sharing_key(self) -> tuple[frozenset[str], DataScope, str, Language]:
        """Equal for callers to whom every object looks the same: permissions and data scope, and the language of what
        the gateway says of it.

        An emergency access lets a single caller see more, so a caller who may have one gets a key of their own.
        """
        own = self.principal.subject if "health:break_glass" in self.principal.permissions else ""
        return self.principal.permissions, self.scope, own, language()

    @property
    def common_key(self) -> Hashable | None:
        """Equal for callers to whom everything of one provider and one payer looks the same, once they see any of it;
        None for a patient, who sees but a part of it, and for a payer."""
        scope = self.scope
        return (self.visibility, language()) if scope.patient is None and scope.payer is None else None

    def may_share(self, event: StreamEvent) -> bool:
        """Whether the event names a provider and a payer, and everything of these two is in the data scope."""
        if event.provider is None or event.payer is None:
            return False
        return self.scope.contains(provider=event.provider, payer=event.payer, patient=None)

    def of_parties(self, event: StreamEvent) -> "Context":
        """A fresh context for this event with the caller's permissions, and a data scope of its provider and payer
        alone: the smallest one that shows its object."""
        assert self.may_share(event)  # noqa: S101 - the caller of this method has asked
        found = self.for_operation()
        found.__dict__["scope"] = DataScope(frozenset({event.provider or ""}), event.payer)
        return found

    @property
    def visibility(self) -> tuple[frozenset[str], bool]:
        """Equal for callers who may see the same fields, whatever their data scopes are."""
        return self.principal.permissions, self.principal.is_anonymous

    @property
    def expires_at(self) -> float | None:
        """When the caller's token expires (Unix seconds); None for never."""
        return self.principal.expires_at

    def forget(self) -> None:
        """Drop all loaded rows: after a write, and at the end of an operation."""
        self.__dict__.pop("loaders", None)

    def for_operation(self) -> "Context":
        """A fresh context for one operation of the same caller.

        `log_place` is after the last event delivered before it: what the operation's reads do not show yet comes later.
        """
        return self._with(log_place=self.hub.last_place, asked=None)

    def of_caller(self, principal: Principal, callers: Callers, certificate: bytes | None, **place: Any) -> "Context":
        """A fresh context for one request of this caller, with the resources of this one; `place` has `address`,
        `request_id` and `is_over_socket`, and `log_place` as `for_operation` sets it."""
        return self._with(
            principal=principal, callers=callers, certificate=certificate, log_place=self.hub.last_place, **place
        )

    def _with(self, **changes: Any) -> "Context":
        # As dataclasses.replace, in a fifth of its time.
        found = Context(*_values(self))
        for name, value in changes.items():
            setattr(found, name, value)
        return found

    async def authenticate(self, authorization: str | None) -> None:
        """Become the caller of this Authorization value; an error of `callers` if it is refused."""
        self.principal = await self.callers.principal(authorization, self.certificate)
        for name in ("scope", "actor"):
            self.__dict__.pop(name, None)
        self.forget()

    @cached_property
    def actor(self) -> Actor:
        """The caller, for services, history and access log."""
        principal = self.principal
        return Actor(
            principal.subject,
            self.door,
            self.scope,
            purpose_of(principal.roles),
            self.request_id,
            principal.roles,
            principal.permissions,
        )

    @cached_property
    def notes(self) -> OperationNotes:
        """What this operation has shown and refused so far, for the access log."""
        return OperationNotes()

    @cached_property
    def _emergencies(self) -> Loader[str, dict[str, str]]:
        """Caller -> patient id -> id of the caller's open emergency access."""

        async def load(subjects: list[str]) -> list[dict[str, str]]:
            async with self.database.reading() as connection:
                found = [await emergency.open_of(connection, subject, self.now()) for subject in subjects]
            return [{access.patient_id: access.id for access in accesses} for accesses in found]

        return Loader(load, self.work)

    async def emergency_of(self, patient: str) -> str | None:
        """The id of the caller's open emergency access to this patient; all are read once, when a field would be
        refused."""
        return (await self._emergencies.load(self.principal.subject)).get(patient)

    def name_operation(self, names: str) -> None:
        """What the access log calls a query, whichever of its fields is noted first."""
        self.notes.operation = names

    def note_shown(self, operation: str, classes: Sequence[str], records: Sequence[Any]) -> None:
        """Note for the access log that data of these classes was shown of the records."""
        notes = self.notes
        notes.operation = notes.operation or operation
        notes.reveal_all(classes, records)

    def note_refused(self, operation: str, refusals: Sequence[tuple[str, str]]) -> None:
        """Note for the access log that these (class, permission) pairs were refused."""
        notes = self.notes
        notes.operation = notes.operation or operation
        notes.refused.update(refusals)

    def noted(self) -> OperationNotes | None:
        """What was noted until now, for `restart`."""
        notes: OperationNotes | None = self.__dict__.get("notes")
        return None if notes is None else notes.copy()

    def restart(self, noted: OperationNotes | None = None) -> None:
        """Forget the rows of an execution, and its notes but those `noted` before: another begins from the start."""
        self.__dict__.pop("notes", None)
        if noted is not None:
            self.__dict__["notes"] = noted
        self.asked = None
        self.forget()

    def disclosures(self) -> OperationNotes | None:
        """What the operation showed and refused, for `record_disclosures`; None for nothing."""
        notes: OperationNotes | None = self.__dict__.get("notes")
        return None if notes is None or notes.is_empty else notes

    def record_disclosures(self, disclosures: OperationNotes | None) -> None:
        """Add the disclosures to the access log; ignored for None and for anonymous callers, who see nothing."""
        if disclosures is not None and not self.principal.is_anonymous:
            self.access_log.note(self.actor, disclosures)

    def record_heard(self, disclosures: OperationNotes | None) -> None:
        """As `record_disclosures`, of an answer that others may receive too: they have one entry together."""
        if disclosures is not None and not self.principal.is_anonymous:
            self.access_log.note_heard(self.actor, disclosures)

    async def store_disclosures(self) -> None:
        """Before the answer of an operation that showed many persons: wait until its entry is stored, so that not even
        a process that is killed loses it."""
        notes = self.disclosures()
        if notes is None or self.principal.is_anonymous or notes.persons <= self.limits.persons_unlogged:
            return
        del self.__dict__["notes"]
        await self.access_log.store(self.actor, notes)

    async def change(
        self, action: Action[Result], arguments: Mapping[str, Any], *, key: str | None = None
    ) -> Written[Result]:
        """Run the action for this caller, at most once for each key, then drop all loaded rows."""
        if action.finds_cards:
            await self.unknown_cards.admit(self.caller)
        run = action if self.checking is None else self.checking(action)
        try:
            written = await self.changes.run(run, self.actor, arguments, key=key)
            if written.is_card_unknown:
                await self.note_unknown_card(action.name)
        except BillingError as error:
            if action.finds_cards and any(failure.is_unknown_card for failure in error.failures):
                await self.note_unknown_card(action.name)
            raise
        finally:
            self.forget()
        return written

    async def note_unknown_card(self, operation: str) -> None:
        """Record that a card was asked for that does not exist, and count it."""
        self.notes.operation = self.notes.operation or operation
        self.notes.refuse(DataClass.PERSONAL.value, "unknown card")
        await self.unknown_cards.count(self.caller)


_values: Final = attrgetter(*_Given.__dataclass_fields__)
