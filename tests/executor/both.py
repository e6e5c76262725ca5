"""One operation executed twice: by its plan, and by graphql-core."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import isawaitable
from pathlib import Path
from typing import Any

from starlette.requests import HTTPConnection

from app.access_log.notes import OperationNotes
from app.resolvers.context import Context
from app.runtime.settings import Settings
from app.schema.root import schema
from app.telemetry.logs import request_id
from app.transport.answers import Answer
from app.transport.documents import Operation
from app.transport.errors import Refused
from app.transport.execution import Engine
from app.transport.limits import Limits
from app.transport.parameters import Parameters
from app.transport.pipeline import Pipeline
from app.web.contexts import Contexts
from tests.gateway import Gateway, embedded_settings, heard, server_settings
from tests.services import Services

FIELDS_MAX = 100_000
MODES = ("sqlite", "mysql")
"""The second with the driver for production; the other tests use the other one."""
_OTHERS = re.compile(r"tuss|^KILL |@@hostname")
_PARTS = re.compile(r"[()]|\bFROM\b")


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


@dataclass
class Both:
    """Executes operations on a gateway's database in both ways; `ways` counts what executed them, asked to plan them,
    and `statements` are those of the last execution.
    """

    gateway: Gateway
    ways: Counter[str] = field(default_factory=Counter)

    statements: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._pipeline = Pipeline(
            schema, deadline_seconds=60, limits=Limits(fields=FIELDS_MAX), on_execution=self._count, plans_at_once=True
        )
        self._contexts = Contexts(self.gateway.parts)

    def _count(self, way: str) -> None:
        self.ways[way] += 1

    @property
    def engine(self) -> Engine:
        """What executes them."""
        return self._pipeline._engine

    async def context(self, token: str | None) -> Context:
        """A context as a request with this token has it."""
        headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
        scope = {"type": "http", "query_string": b"", "headers": headers, "client": ("127.0.0.1", 1), "state": {}}
        context = (await self._contexts(HTTPConnection(scope))).for_operation()
        context.request_id = "both"
        return context

    async def prepared(self, query: str, variables: dict[str, Any], token: str | None) -> Operation | None:
        """The operation; None for one that is refused before it is executed."""
        try:
            return await self._pipeline.prepare(Parameters(query, variables), await self.context(token))
        except Refused:
            return None

    async def by_plan(self, operation: Operation, token: str | None) -> Executed:
        """As the gateway executes it."""
        context = await self.context(token)
        with self._own_statements():
            return await _executed(self._pipeline._engine.execute(operation, context), context)

    async def by_core(self, operation: Operation, token: str | None) -> Executed:
        """As graphql-core executes it."""
        context = await self.context(token)
        with self._own_statements():
            return await _executed(self._pipeline._engine._execute_by_core(operation, context), context)

    @contextmanager
    def _own_statements(self) -> Iterator[None]:
        """Set `statements` to those of the block, without those about TUSS terms, which the first who asks reads for
        all, and without those that end what was cut off."""
        before = request_id.set("both")
        try:
            with heard(self.gateway.database, of_requests=True) as found:
                yield
        finally:
            request_id.reset(before)
        self.statements = sorted(_without_columns(text) for text, _ in found if not _OTHERS.search(text))


def _without_columns(statement: str) -> str:
    """What follows the columns: a plan reads some of those that graphql-core reads."""
    depth = 0
    for found in _PARTS.finditer(statement):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth == 0 and found[0] == "FROM":
            return statement[found.start() :]
    return statement


async def settings_of(mode: str, services: Services, directory: Path, **changes: Any) -> Settings:
    """The settings of a gateway in this mode, one of MODES."""
    if mode == "sqlite":
        return embedded_settings(directory, **changes)
    # Only the address of the broker is read, and replaced.
    without_broker = Services({**services.servers, "kafka": services.redis})
    found = await server_settings(directory, without_broker, events_url="memory://", **changes)
    return found.model_copy(update={"database_url": found.database_url.replace("+aiomysql:", "+asyncmy:")})


async def _executed(result: Any, context: Context) -> Executed:
    found = await result if isawaitable(result) else result
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
