"""Everything one request may use; never shared between requests, operations, or events of a subscription."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, TypedDict, TypeVar

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from app.access_log.notes import OperationNotes, person_of
from app.access_log.writer import AccessLogWriter
from app.auth.principal import Principal
from app.auth.tokens import Verifier
from app.db import access_log as access_log_db
from app.db import emergency as emergency_db
from app.db.engine import Database
from app.domain import ids
from app.domain.access_log import purpose_of
from app.domain.actor import Actor, Door
from app.domain.data_scope import DataScope
from app.events.hub import Hub
from app.redis.cache import Cache
from app.redis.rate_limit import RateLimit
from app.resolvers.loaders import Loaders
from app.telemetry.metrics import Metrics
from app.unit_of_work import idempotency
from app.unit_of_work.idempotency import Written
from app.unit_of_work.keyed_locks import KeyedLocks

Result = TypeVar("Result")
Work = Callable[[AsyncConnection], Awaitable[Result]]


class Acting(TypedDict):
    """The arguments that every service takes beside its own."""

    scope: DataScope
    subject: str
    now: datetime


@dataclass
class Context:
    """The request's caller, its clock and the resources of the process."""

    principal: Principal
    database: Database
    cache: Cache
    hub: Hub
    metrics: Metrics
    verifier: Verifier
    turns: KeyedLocks
    trail: AccessLogWriter
    rate: RateLimit
    now: Callable[[], datetime]
    on_commit: Callable[[], None]
    request_id: str
    address: str = ""
    certificate: bytes | None = None
    tells_schema: bool = False

    @property
    def is_known(self) -> bool:
        """Whether the caller is somebody before a socket's first message: by a header, or by a certificate."""
        return not self.principal.is_anonymous

    @property
    def caller(self) -> str:
        """Who is counted: the token's subject, else the address."""
        return self.principal.subject or f"@{self.address}"

    async def admit(self, tokens: int) -> None:
        """Take tokens of the caller's rate; RateLimited if the caller has asked for too much of late."""
        await self.rate.take(self.caller, tokens)

    @property
    def may_introspect(self) -> bool:
        """Whether the schema is told to this caller."""
        return self.tells_schema or "schema:introspect" in self.principal.permissions

    @cached_property
    def scope(self) -> DataScope:
        """Whose data the caller's token opens."""
        who = self.principal
        providers = who.providers - {"*"}
        return DataScope(frozenset(providers), who.payer, who.patient, any_provider=who.has_any_provider)

    @cached_property
    def loaders(self) -> Loaders:
        """The dataloaders, made on first use and dropped by every write."""
        return Loaders(self.database, self.cache, self.scope)

    @property
    def sharing_key(self) -> tuple[frozenset[str], DataScope, str]:
        """Equal for callers to whom every object looks the same: their permissions, and whose data they reach.

        An emergency access opens more to one caller alone: whoever may have one shares with nobody.
        """
        alone = self.principal.subject if "health:break_glass" in self.principal.permissions else ""
        return self.principal.permissions, self.scope, alone

    @property
    def expires_at(self) -> float | None:
        """When the caller's token ends (unix seconds)."""
        return self.principal.expires_at

    def forget(self) -> None:
        """Drop what was read so far: before the next event of a subscription, after a write."""
        self.__dict__.pop("loaders", None)

    def for_operation(self) -> "Context":
        """A fresh context for one operation of the same caller."""
        return replace(self)

    async def authenticate(self, authorization: str | None) -> None:
        """Take on the caller of this Authorization value; InvalidToken if it is refused."""
        self.principal = await self.verifier.principal(authorization, self.certificate)
        self.__dict__.pop("scope", None)
        self.forget()

    def acting(self) -> Acting:
        """Who acts, within which scope, and when: what every service wants to know."""
        return {"scope": self.scope, "subject": self.principal.subject, "now": self.now()}

    @property
    def actor(self) -> Actor:
        """The caller, for the access log."""
        who = self.principal
        return Actor(
            who.subject,
            Door.GRAPHQL,
            self.scope,
            purpose_of(who.roles),
            self.request_id,
            roles=who.roles,
            permissions=who.permissions,
        )

    @cached_property
    def notes(self) -> OperationNotes:
        """What this operation has shown so far."""
        return OperationNotes()

    @cached_property
    def emergencies(self) -> "asyncio.Future[dict[str, str]]":
        """Patient id -> the caller's open emergency access; asked once, by the first field that would be refused."""
        return asyncio.ensure_future(self._open_emergencies())

    async def _open_emergencies(self) -> dict[str, str]:
        async with self.database.reading() as connection:
            found = await emergency_db.open_of(connection, self.principal.subject, self.now())
        return {access.patient_id: access.id for access in found}

    def seen(self) -> OperationNotes | None:
        """What the operation showed, for `tell`; None if there is nothing to record."""
        notes: OperationNotes | None = self.__dict__.get("notes")
        return None if notes is None or notes.is_empty else notes

    def tell(self, seen: OperationNotes | None) -> None:
        """Record in the access log that this caller saw it; unknown callers see nothing."""
        if seen is not None and not self.principal.is_anonymous:
            self.trail.note(self.actor, seen)

    async def write(self, operation: str, work: Work[Result]) -> Result:
        """Run the work and its entry in the access log in one transaction, then forget every row read before it and
        wake the relay."""

        async def audited(connection: AsyncConnection) -> Result:
            result = await work(connection)
            value, is_replayed = (result.value, result.replayed) if isinstance(result, Written) else (result, False)
            await self.trail.record(
                connection,
                self.actor,
                operation=operation,
                changed=await _with_patients(connection, changes_in(value)),
                detail="replayed" if is_replayed else None,
            )
            return result

        result = await self.database.transact(audited)
        self.forget()
        self.on_commit()
        return result

    async def write_once(
        self, operation: str, *, key: str | None, request: Any, answer: TypeAdapter[Result], work: Work[Result]
    ) -> Written[Result]:
        """Like `write`, but at most once per idempotency key; a repeated call gets the stored answer."""

        async def keyed(connection: AsyncConnection) -> Written[Result]:
            return await idempotency.once(
                connection,
                subject=self.principal.subject,
                operation=operation,
                key=key,
                # The stored answer is shown again only to a caller who may see as much as the first one.
                request=[self.scope, request],
                answer=answer,
                work=work,
                now=self.now(),
            )

        if key is None:
            return await self.write(operation, keyed)
        async with self.turns.of(self.principal.subject, operation, key):
            return await self.write(operation, keyed)


def changes_in(value: Any) -> list[tuple[str | None, str | None]]:
    """The (object id, person) pairs of what a service answered: a record, several, or a result that holds them."""
    if isinstance(value, list | tuple):
        return [pair for each in value for pair in changes_in(each)]
    if hasattr(value, "id"):
        return [(value.id, person_of(value))]
    claims: list[tuple[str | None, str | None]] = [(claim, claim) for claim in getattr(value, "claim_ids", ())]
    parts = (getattr(value, name, None) for name in ("claim", "settlement", "settlements", "invoice", "remittance"))
    return claims + [pair for part in parts if part is not None for pair in changes_in(part)]


async def _with_patients(
    connection: AsyncConnection, pairs: list[tuple[str | None, str | None]]
) -> list[tuple[str | None, str | None]]:
    """The pairs with patients in the place of claims."""
    claims = {person for _, person in pairs if person is not None and person.startswith(ids.CLAIM)}
    patients = await access_log_db.patients_of(connection, claims)
    return [(object_id, patients.get(person or "", person)) for object_id, person in pairs]
