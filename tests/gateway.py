"""A live gateway for tests: a real uvicorn on a loopback port, driven by HTTP and WebSocket like any client would."""

import asyncio
import contextlib
import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import prometheus_client
from pydantic import SecretStr
from sqlalchemy import event, make_url
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from app.auth.keys import DevelopmentKeys
from app.db.clock import DatabaseClock
from app.db.engine import Database
from app.runtime.build import retention_rules
from app.runtime.process import Process
from app.runtime.settings import Settings
from app.runtime.sweep import expire_denials, sweep
from app.telemetry.logs import request_id
from app.unit_of_work.run import Changes
from app.web.app import create_app
from app.web.stopping import StoppingServer
from tests import cursors
from tests.inputs import dotted
from tests.posts import IDLE_SECONDS, Posts
from tests.prepared import prepare
from tests.servers.mysql import create_database
from tests.services import Services

# Nothing waits, and no answer is an old one, unless a test is about that.
AT_ONCE: dict[str, Any] = {
    "rate_per_second": 0,
    "refused_tokens_per_second": 0,
    "unknown_cards_per_hour": 0,
    "lame_duck_seconds": 0,
    "plans_at_once": True,
    "health_seconds": 0,
    "rest": True,
}


def embedded_settings(directory: Path, **changes: Any) -> Settings:
    """SQLite, in-process cache and events."""
    return Settings(var_dir=directory, port=0, **{**AT_ONCE, **changes})


def with_driver(settings: Settings, driver: str) -> Settings:
    """The same with this driver for MySQL, "asyncmy" or "aiomysql"."""
    address = make_url(settings.database).set(drivername=f"mysql+{driver}").render_as_string(hide_password=False)
    return settings.model_copy(update={"database_url": address})


async def server_settings(directory: Path, services: Services, **changes: Any) -> Settings:
    """A database and a topic of their own on the real servers, with the driver for production."""
    name = f"billing_{uuid.uuid4().hex[:10]}"
    await asyncio.to_thread(create_database, services.mysql.url, name)
    idempotent = "" if services.kafka.flavor == "apache" else "?idempotent=false"
    values = {
        "database_url": services.mysql.url.rstrip("/") + f"/{name}",
        "redis_url": services.redis.url,
        "events_url": f"kafka://{services.kafka.url}{idempotent}",
        "events_topic": f"billing.events.{name}",
        "earlier_events_topic": f"billing.earlier.{name}",
        "remittances_topic": f"billing.remittances.{name}",
        "statement_sources": "/payer/{payer},/payer/{payer}/other",
        **AT_ONCE,
    }
    return with_driver(Settings(var_dir=directory, port=0, **{**values, **changes}), "asyncmy")


async def production_settings(directory: Path, services: Services, **changes: Any) -> Settings:
    """What production needs, with an identity provider that is down unless `changes` names one."""
    values = {
        "env": "production",
        "cache_secret": SecretStr("a" * 32),
        "audit_secret": SecretStr("b" * 32),
        "oidc_issuer": "https://id.example",
        "jwks_url": "http://127.0.0.1:1/jwks",
    }
    return await server_settings(directory, services, **{**values, **changes})


LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=IDLE_SECONDS)
TRUST = httpx.create_ssl_context()
"""Made once: a client of its own would read the certificates of all authorities, to speak plain HTTP."""
BACKGROUND = (
    *("outbox", "access_log", "leases", "lease_until", "LOCK(", "wait_timeout"),
    *("BEGIN", "COMMIT", "PRAGMA", "SET time_zone", "utc_timestamp", "strftime"),
)

PAYLOAD = "payload_"
NO_REQUEST = "-"


def is_of_request() -> bool:
    """Whether a request runs at the moment, and no task of the gateway itself."""
    return request_id.get() != NO_REQUEST


@contextlib.contextmanager
def heard(database: Database, *, when: Callable[[], bool] | None = None) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that runs inside the block and the commits of units of work, each with its parameters; only
    `when` this holds where one begins, or those of the gateway's own tasks too."""
    found: list[tuple[str, Any]] = []

    def note_compiled(statement: str, parameters: Any) -> None:
        if when is None or when():
            found.append((statement, parameters))

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        note_compiled(statement, parameters)

    engines = [database.engine.sync_engine, database.reads.sync_engine]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    database.heard.append(note_compiled)
    try:
        yield found
    finally:
        database.heard.remove(note_compiled)
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


@dataclass
class Answer:
    """A GraphQL answer over HTTP."""

    status: int
    body: dict[str, Any]
    headers: httpx.Headers

    @property
    def data(self) -> Any:
        """The data; fails the test if there are errors."""
        assert "errors" not in self.body, self.body["errors"]
        return self.body["data"]

    @property
    def codes(self) -> list[str]:
        """extensions.code of every error."""
        return [error["extensions"]["code"] for error in self.body.get("errors", [])]

    @property
    def reasons(self) -> list[tuple[str, str | None, str | None]]:
        """Code, reason and dotted field of every error."""
        found = [error["extensions"] for error in self.body.get("errors", [])]
        return [(each["code"], each.get("reason"), dotted(each.get("field"))) for each in found]


def counted(counter: prometheus_client.Counter, label: str) -> dict[str, int]:
    """The counts by the values of the counter's only label; asked of the process, which is cheaper than a scrape."""
    samples = [each for family in counter.collect() for each in family.samples if each.name.endswith("_total")]
    return {each.labels[label]: int(each.value) for each in samples}


@dataclass
class Gateway:
    """One running gateway; `exchanges` are called with the bytes of each operation and of its answer."""

    url: str
    settings: Settings
    parts: Process
    client: httpx.AsyncClient
    posts: Posts
    keys: DevelopmentKeys
    exchanges: list[Callable[[bytes, bytes], None]] = field(default_factory=list)

    @property
    def database(self) -> Database:
        """The gateway's own database, to prepare and to look behind the API."""
        return self.parts.database

    @property
    def is_embedded(self) -> bool:
        """Whether this gateway runs without servers."""
        return self.database.is_sqlite

    def changes_at(self, now: Callable[[], datetime]) -> Changes:
        """The gateway's door for changes, with another clock."""
        parts = self.parts
        return Changes(
            self.database,
            parts.access_log,
            clock=DatabaseClock(now),
            counters=parts.metrics,
            children=parts.children,
            on_commit=parts.relay.wake,
        )

    async def sweep(self) -> int:
        """One round of the sweep; how many denials expired."""
        parts = self.parts
        rules = retention_rules(self.settings)
        return await sweep(
            self.database, parts.changes, metrics=parts.metrics, retention_rules=rules, clock=parts.clock
        )

    async def expire_denials(self, moment: datetime) -> int:
        """Let the sweep expire denials as if it were this moment; how many there were."""
        return await expire_denials(self.database, self.changes_at(lambda: moment), clock=DatabaseClock(lambda: moment))

    async def stream_cursor(self, position: int) -> str:
        """The cursor of a stream after this position."""
        return await cursors.stream_cursor(self.settings, self.database, position)

    def token(self, role: str, **claims: Any) -> str:
        """A bearer token; without claims it opens all providers."""
        narrowing = claims or {"providers": ["*"]}
        return self.keys.sign(audience=self.settings.oidc_audience, role=role, **narrowing)

    async def gql(
        self, query: str, variables: dict[str, Any] | None = None, *, token: str | None = None, **headers: str
    ) -> Answer:
        """POST one operation."""
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        body = json.dumps({"query": query, "variables": variables or {}}, ensure_ascii=False).encode()
        answer = await self.posts.send("/graphql", body, headers)
        for each in self.exchanges:
            each(body, answer.content)
        return Answer(answer.status, json.loads(answer.content), answer.headers)

    async def executions(self) -> Counter[str]:
        """What has executed how many queries: "plan", "core", or "fallback", which is graphql-core after a plan."""
        found = counted(self.parts.metrics.graphql_executions, "executor")
        return Counter({name: count for name, count in found.items() if not name.startswith(PAYLOAD)})

    async def payloads(self) -> Counter[str]:
        """What has executed how many objects of mutations and events: "plan", or "fallback"."""
        found = counted(self.parts.metrics.graphql_executions, "executor")
        return Counter({name.removeprefix(PAYLOAD): n for name, n in found.items() if name.startswith(PAYLOAD)})

    @contextlib.contextmanager
    def counting(self) -> Iterator[list[str]]:
        """The SQL statements of requests that run inside the block; those of the access log and of a new connection
        are left out."""
        with heard(self.database, when=is_of_request) as everything:
            found: list[str] = []
            yield found
        found += [text for text, _ in everything if not any(word in text for word in BACKGROUND)]

    @contextlib.asynccontextmanager
    async def subscribed(self, query: str, token: str) -> AsyncIterator["Stream"]:
        """A live subscription over graphql-transport-ws, whose first message was read before the block begins.

        That one says where the stream starts, so everything that happens in the block is heard.
        """
        address = self.url.replace("http://", "ws://") + "/graphql"
        async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
            await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query}}))
            stream = Stream(socket)
            await stream.next()
            yield stream


@dataclass
class Stream:
    """What a subscription delivers."""

    socket: ClientConnection

    async def next(self, seconds: float = 10) -> dict[str, Any]:
        """The data of the next event."""
        async with asyncio.timeout(seconds):
            message = json.loads(await self.socket.recv())
        assert message["type"] == "next", message
        data: dict[str, Any] = message["payload"]["data"]
        return data

    async def is_silent(self, seconds: float = 0.5) -> bool:
        """Whether nothing arrives for a while."""
        try:
            async with asyncio.timeout(seconds):
                await self.socket.recv()
        except TimeoutError:
            return True
        return False


async def _until(holds: Callable[[], bool], *, seconds: float = 5) -> None:
    """Wait for something that gives no signal of its own."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - no signal to wait for
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running_gateway(
    settings: Settings, *, is_prepared: bool = False, clock: Callable[[], datetime] | None = None
) -> AsyncIterator[Gateway]:
    """Serve the settings' gateway on a free port until the block ends; `clock` tells it the time."""
    if not is_prepared:
        await prepare(settings)
    app = create_app(settings, clock=clock)
    server = StoppingServer(settings, app)
    task = asyncio.create_task(server.serve())
    await _until(lambda: server.started or task.done(), seconds=20)
    assert server.started, "the gateway did not start"
    try:
        async with asyncio.timeout(20):
            if app.state.process.reader is not None:
                await app.state.process.reader.is_reading.wait()
        port = server.servers[0].sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        posts = Posts(url)
        async with httpx.AsyncClient(base_url=url, timeout=30, limits=LIMITS, verify=TRUST) as client:
            with contextlib.closing(posts):
                yield Gateway(url, settings, app.state.process, client, posts, DevelopmentKeys(settings.var_dir))
    finally:
        server.should_exit = True
        await task
