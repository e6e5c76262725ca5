"""One operation executed twice: by its plan, and by graphql-core."""

from collections import Counter
from dataclasses import dataclass, field
from inspect import isawaitable
from pathlib import Path
from typing import Any

import orjson
from starlette.requests import HTTPConnection

from app.access_log.notes import OperationNotes
from app.db.outbox import LogPlace
from app.resolvers.context import Context
from app.runtime.settings import Settings
from app.schema.root import schema
from app.transport.answers import Answer
from app.transport.documents import Operation
from app.transport.errors import Refused
from app.transport.execution import Engine
from app.transport.limits import Limits
from app.transport.parameters import Parameters
from app.transport.pipeline import Pipeline
from app.web.contexts import Contexts
from tests.executor.reading import Reading, reading
from tests.executor.stored import StoredLog
from tests.gateway import Gateway, embedded_settings, server_settings
from tests.services import Services

FIELDS_MAX = 100_000
MODES = ("sqlite", "mysql")


@dataclass(frozen=True)
class Executed:
    """What an execution did: the answer, the notes for the access log, and what it took of budget and rate."""

    body: bytes
    operation: str
    revealed: dict[str | None, frozenset[str]]
    refused: set[tuple[str, str]]
    emergencies: dict[str, str]
    patients: dict[str, str]
    fields: int
    tokens: int

    @property
    def has_errors(self) -> bool:
        """Whether something of the answer failed or was refused."""
        return "errors" in orjson.loads(self.body)


@dataclass
class Both:
    """Executes operations on a gateway's database in both ways; `ways` counts what executed them, asked to plan them,
    and `read` is what the last execution has read. Each way has an access log of its own.
    """

    gateway: Gateway
    ways: Counter[str] = field(default_factory=Counter)
    read: Reading = field(default_factory=Reading)
    _number: int = 0
    _place: LogPlace | None = None

    def __post_init__(self) -> None:
        self._pipeline = Pipeline(
            schema, deadline_seconds=60, limits=Limits(fields=FIELDS_MAX), on_execution=self._count, plans_at_once=True
        )
        self._contexts = Contexts(self.gateway.parts)
        self.plan_log, self.core_log = StoredLog(self.gateway), StoredLog(self.gateway)

    def _count(self, way: str) -> None:
        self.ways[way] += 1

    @property
    def engine(self) -> Engine:
        """What executes them."""
        return self._pipeline._engine

    @property
    def request_id(self) -> str:
        """That of the operation prepared last, by which its entries are found."""
        return f"both-{self._number}"

    async def context(self, token: str | None) -> Context:
        """A context as a request with this token has it, whose id has the number of the operation prepared last."""
        headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
        scope = {"type": "http", "query_string": b"", "headers": headers, "client": ("127.0.0.1", 1), "state": {}}
        context = (await self._contexts(HTTPConnection(scope))).for_operation()
        context.request_id = self.request_id
        context.log_place = self._place
        return context

    async def prepared(self, query: str, variables: dict[str, Any], token: str | None) -> Operation | None:
        """The operation; None for one that is refused before it is executed."""
        self._number += 1
        # Cursors of streams are in answers: what is told between the two executions must not move them.
        self._place = self.gateway.parts.hub.last_place
        try:
            return await self._pipeline.prepare(Parameters(query, variables), await self.context(token))
        except Refused:
            return None

    async def by_plan(self, operation: Operation, token: str | None) -> Executed:
        """As the gateway executes it."""
        context = await self.context(token)
        return await self._executed(self.engine.execute, operation, context, self.plan_log)

    async def by_core(self, operation: Operation, token: str | None) -> Executed:
        """As graphql-core executes it."""
        context = await self.context(token)
        return await self._executed(self.engine._execute_by_core, operation, context, self.core_log)

    async def _executed(self, execute: Any, operation: Operation, context: Context, log: StoredLog) -> Executed:
        with reading(self.gateway) as self.read:
            result = execute(operation, context)
            found = await result if isawaitable(result) else result
        self.read.add_loaders(context)
        executed = _done(found, context)
        await log.enter(context)
        return executed


async def settings_of(mode: str, services: Services, directory: Path, **changes: Any) -> Settings:
    """The settings of a gateway in this mode, one of MODES."""
    if mode == "sqlite":
        return embedded_settings(directory, **changes)
    # Only the address of the broker is read, and replaced.
    without_broker = Services({**services.servers, "kafka": services.redis})
    return await server_settings(directory, without_broker, events_url="memory://", **changes)


def _done(found: Any, context: Context) -> Executed:
    notes: OperationNotes = context.notes
    return Executed(
        Answer.of(found, context.request_id).body,
        notes.operation,
        notes.revealed,
        notes.refused,
        notes.emergencies,
        notes.patients,
        context.work.fields,
        context.work._paid,
    )
