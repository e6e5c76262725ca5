"""Everything one request may use; never shared between requests, operations, or events of a subscription."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, TypedDict, TypeVar

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from app.auth import Principal, Verifier
from app.cache import Cache
from app.db.engine import Database
from app.domain.scope import Scope
from app.events.hub import Hub
from app.resolvers.loaders import Loaders
from app.resolvers.turns import Turns
from app.services import idempotency
from app.services.idempotency import Written
from app.telemetry import Metrics

Result = TypeVar("Result")
Work = Callable[[AsyncConnection], Awaitable[Result]]


class Acting(TypedDict):
    """The arguments that every service takes beside its own."""

    scope: Scope
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
    turns: Turns
    now: Callable[[], datetime]
    on_commit: Callable[[], None]
    request_id: str

    @cached_property
    def scope(self) -> Scope:
        """Whose data the caller's token opens."""
        who = self.principal
        providers = who.providers - {"*"}
        return Scope(frozenset(providers), who.payer, who.patient, any_provider=who.has_any_provider)

    @cached_property
    def loaders(self) -> Loaders:
        """The dataloaders, made on first use and dropped by every write."""
        return Loaders(self.database, self.cache, self.scope)

    @property
    def sharing_key(self) -> tuple[frozenset[str], Scope]:
        """Equal for callers to whom every object looks the same: their permissions, and whose data they reach."""
        return self.principal.scopes, self.scope

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
        self.principal = await self.verifier.principal(authorization)
        self.__dict__.pop("scope", None)
        self.forget()

    def acting(self) -> Acting:
        """Who acts, within which scope, and when: what every service wants to know."""
        return {"scope": self.scope, "subject": self.principal.subject, "now": self.now()}

    async def write(self, work: Work[Result]) -> Result:
        """Run the work in one transaction, then forget every row read before it and wake the relay."""
        result = await self.database.transact(work)
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
            return await self.write(keyed)
        async with self.turns.of(self.principal.subject, operation, key):
            return await self.write(keyed)
