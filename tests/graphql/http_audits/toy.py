"""A small schema with every kind of operation and failure, served by the transport for the tests of the transport."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.routing import Route, WebSocketRoute
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

from app.domain.errors import ErrorCode, refuse
from app.executor.asked import Asked
from app.transport.answers import OperationReport
from app.transport.errors import Unauthenticated
from app.transport.view import GraphQLView
from app.transport.work import Work

_numbers = count(1)


@dataclass
class Context:
    """One per operation: `number` tells them apart, `journal` is shared by all of a server's.

    Callers are not limited, share nothing, may introspect, and are authenticated by a token.
    """

    journal: list[str]
    request_id: str = "req-1"
    expires_at: float | None = None
    is_authenticated: bool = False
    asked: Asked = None
    number: int = field(default_factory=lambda: next(_numbers))
    work: Work = field(default_factory=Work)
    caller = "toy"
    may_introspect = True
    sharing_key: None = None
    common_key: None = None
    visibility: None = None

    def for_operation(self) -> "Context":
        """A copy with a number of its own."""
        return replace(self, number=next(_numbers), work=Work())

    def may_share(self, _event: Any) -> bool:
        """Shares nothing."""
        return False

    def of_parties(self, _event: Any) -> "Context":
        """As any operation."""
        return self.for_operation()

    async def admit(self, tokens: int) -> None:
        """Never too many."""

    def noted(self) -> None:
        """Nothing is noted."""

    def restart(self, _noted: Any = None) -> None:
        """Nothing is noted."""

    def forget(self) -> None:
        """Nothing is loaded."""

    def name_operation(self, names: str) -> None:
        """Nothing is noted."""

    def note_shown(self, *_: Any) -> None:
        """Nothing is noted."""

    def note_refused(self, *_: Any) -> None:
        """Nothing is noted."""

    def disclosures(self) -> None:
        """Nothing is recorded."""

    async def store_disclosures(self) -> None:
        """Nothing is disclosed."""

    def record_disclosures(self, disclosures: None) -> None:
        """Nothing is recorded."""

    def record_heard(self, disclosures: None) -> None:
        """Nothing is recorded."""

    async def authenticate(self, authorization: str | None) -> None:
        """`Bearer good` never expires, `Bearer short` in 0.3 s; `Bearer broken` fails inside; the rest is refused."""
        if authorization == "Bearer broken":
            raise RuntimeError("secret-of-the-key-store")
        if authorization not in {"Bearer good", "Bearer short"}:
            raise Unauthenticated("the token is not known")
        self.expires_at = time.time() + 0.3 if authorization == "Bearer short" else None
        self.is_authenticated = True


Info = strawberry.Info[Context, None]


@strawberry.type
class Query:
    """Reads."""

    @strawberry.field
    def hello(self) -> str:
        """A greeting."""
        return "world"

    @strawberry.field
    def number(self, info: Info) -> int:
        """The context's number."""
        return info.context.number

    @strawberry.field
    def echo(self, value: int) -> int:
        """What was given."""
        return value

    @strawberry.field
    def refused(self) -> str | None:
        """An expected failure."""
        raise refuse(ErrorCode.INVALID_AMOUNT, "must be positive", "items.0.amount", "1705")

    @strawberry.field
    def broken(self) -> str | None:
        """An unexpected failure, with a secret in its text."""
        raise RuntimeError("secret-password")

    @strawberry.field
    def unanswerable(self) -> str:
        """Breaks the schema's promise."""
        return None  # type: ignore[return-value]

    @strawberry.field
    def misshapen(self) -> int | None:
        """A value that is no Int."""
        return "secret-password"  # type: ignore[return-value]

    @strawberry.field
    async def slow(self, info: Info, seconds: float) -> str:
        """Takes its time, and says in the journal how it ended."""
        return await _slow(info.context, "query", seconds)


@strawberry.type
class Mutation:
    """Writes."""

    @strawberry.mutation
    async def write(self, info: Info, seconds: float = 0) -> str:
        """Says in the journal how it ended."""
        return await _slow(info.context, "mutation", seconds)


@strawberry.type
class Tick:
    """An event that tells the context it was resolved in."""

    @strawberry.field
    def context(self, info: Info) -> int:
        """The context's number."""
        return info.context.number


@strawberry.type
class Subscription:
    """Streams."""

    @strawberry.subscription
    async def numbers(self, info: Info, to: int, pause: float = 0) -> AsyncIterator[int]:
        """Counts; the journal says when the source has been closed."""
        try:
            for number in range(1, to + 1):
                yield number
                await asyncio.sleep(pause)
        finally:
            info.context.journal.append("closed")

    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[Tick]:
        """Two events."""
        yield Tick()
        yield Tick()

    @strawberry.subscription
    async def flood(self, info: Info) -> AsyncIterator[str]:
        """Far more than a client's buffers hold."""
        try:
            while True:
                yield "x" * 100_000
        finally:
            info.context.journal.append("closed")

    @strawberry.subscription
    async def stubborn(self, info: Info) -> AsyncIterator[int]:
        """Loses the first cancellation, as libraries may before Python 3.12, and counts on; the journal says so."""
        info.context.journal.append("begun")
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        info.context.journal.append("lost")
        try:
            for number in count():
                yield number
                await asyncio.sleep(0.01)
        finally:
            info.context.journal.append("closed")

    @strawberry.subscription
    async def failing(self) -> AsyncIterator[int]:
        """One event, then an unexpected failure."""
        yield 1
        raise RuntimeError("secret-password")


async def _slow(context: Context, name: str, seconds: float) -> str:
    context.journal.append(f"{name} begun")
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        context.journal.append(f"{name} cancelled")
        raise
    context.journal.append(f"{name} done")
    return "done"


def make_schema(*extensions: type[SchemaExtension]) -> strawberry.Schema:
    """The toy schema, with the extensions given."""
    config = StrawberryConfig(disable_field_suggestions=True)
    return strawberry.Schema(Query, Mutation, Subscription, extensions=extensions, config=config)


class Toy:
    """The transport over the toy schema: `journal` says what resolvers did, `reports` what the metrics heard."""

    def __init__(self, *extensions: type[SchemaExtension], **options: Any) -> None:
        self.journal: list[str] = []
        self.reports: list[OperationReport] = []
        settings = {"context": self._context, "deadline_seconds": 5.0, "on_operation": self.reports.append, **options}
        view = GraphQLView(make_schema(*extensions), **settings)
        self.app = Starlette(routes=[Route("/graphql", view), WebSocketRoute("/graphql", view)])

    async def _context(self, connection: HTTPConnection) -> Context:
        # Like callers with a certificate, those over HTTP are known without a token.
        context = Context(self.journal, is_authenticated=connection.scope["type"] == "http")
        authorization = connection.headers.get("authorization")
        if authorization is not None:
            await context.authenticate(authorization)
        return context

    @contextmanager
    def served(self) -> Iterator[str]:
        """host:port of a real server on loopback; it has ended when the block ends."""
        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(self.app, log_config=None, timeout_graceful_shutdown=1, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
            listener.close()


async def until(journal: list[str], *expected: str, seconds: float = 3.0) -> None:
    """Wait until the journal says exactly this; the assertion shows what it says instead."""
    end = time.monotonic() + seconds
    while journal != list(expected) and time.monotonic() < end:  # noqa: ASYNC110 - a list cannot be awaited
        await asyncio.sleep(0.01)
    assert journal == list(expected)
