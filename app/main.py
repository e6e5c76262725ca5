"""The HTTP entry: create_app(settings) puts the parts together, builds them at start and closes them at the end."""

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import cache as caching
from app.auth import DEVELOPMENT_ISSUER, DevelopmentKeys, InvalidToken, RemoteKeys, Verifier
from app.cache import Cache
from app.db import outbox as outbox_db
from app.db.engine import Database, DatabaseUnavailable
from app.db.migrate import is_current
from app.db.outbox import OutboxRecord
from app.events.hub import Hub
from app.events.kafka import KafkaReader, KafkaTransport
from app.events.memory import MemoryTransport
from app.events.relay import Relay
from app.resolvers.context import Context
from app.schema.root import schema
from app.settings import Settings
from app.telemetry import OTHER, Metrics, request_id
from app.transport.errors import Unauthenticated
from app.transport.view import GraphQLView, OperationReport

EXPLORER_DIRECTORY: Final = Path(__file__).parent / "explorer"
EXPLORER_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
EXPLORER_MISSING: Final = b"GraphiQL is not built: run `make explorer` (needs npm), then reload this page.\n"
OPERATION_NAMES: Final = frozenset(
    {"Claims", "Claim", "Invoices", "Invoice", "Settlements", "CreateClaim", "SubmitClaims", "AdjudicateClaim"}
    | {"CreateInvoice", "IssueInvoice", "SettleInvoice", "ReverseSettlement", "CheckEligibility", "SearchTerms", "Me"}
    | {"WatchSettlements", "IntrospectionQuery"}
)
ROUTES: Final = ("/graphql", "/health", "/health/live", "/health/ready", "/metrics")
SOCKETS_FIRST_SECONDS: Final = 0.2
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
_log = structlog.get_logger("billing")


@dataclass
class Parts:
    """What one process holds: built at start, shared by all requests."""

    settings: Settings
    database: Database
    cache: Cache
    hub: Hub
    relay: Relay
    transport: KafkaTransport | MemoryTransport
    reader: KafkaReader | None
    verifier: Verifier
    metrics: Metrics
    is_draining: bool = False


def development_keys(settings: Settings) -> DevelopmentKeys:
    """The key pair of the development mode, kept in var_dir; there is none in production."""
    return DevelopmentKeys(settings.var_dir)


def database_of(settings: Settings) -> Database:
    """The database of these settings."""
    if settings.database.startswith("sqlite"):
        settings.var_dir.mkdir(parents=True, exist_ok=True)
    return Database(
        settings.database,
        pool_size=settings.database_pool_size,
        timeout_seconds=settings.database_timeout_seconds,
    )


def now() -> datetime:
    """The clock of the process."""
    return datetime.now(UTC)


def _verifier(settings: Settings) -> Verifier:
    if settings.jwks_url and settings.oidc_issuer:
        return Verifier(RemoteKeys(settings.jwks_url), issuer=settings.oidc_issuer, audience=settings.oidc_audience)
    # The settings refuse to load without a key set outside development.
    return Verifier(development_keys(settings), issuer=DEVELOPMENT_ISSUER, audience=settings.oidc_audience)


def _cache_secret(settings: Settings) -> str:
    if settings.cache_secret is not None:
        return settings.cache_secret.get_secret_value()
    path = settings.var_dir / "cache-secret"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text()


def build(settings: Settings) -> Parts:
    """Put the parts together; nothing is connected yet."""
    metrics = Metrics(OPERATION_NAMES | frozenset(settings.registered_operations.replace(",", " ").split()))
    database = database_of(settings)

    async def missing(after: int, before: int) -> list[OutboxRecord]:
        async with database.reading() as connection:
            return await outbox_db.numbered_between(connection, after, before)

    hub = Hub(missing)
    transport: KafkaTransport | MemoryTransport = MemoryTransport(hub)
    reader = None
    if settings.events_url.startswith("kafka://"):
        transport = KafkaTransport(settings.events_url, settings.events_topic)
        reader = KafkaReader(settings.events_url, settings.events_topic, hub)
    return Parts(
        settings=settings,
        database=database,
        cache=Cache(caching.connect(settings.redis_url), secret=_cache_secret(settings)),
        hub=hub,
        relay=Relay(database, transport, metrics=metrics, now=now),
        transport=transport,
        reader=reader,
        verifier=_verifier(settings),
        metrics=metrics,
    )


@contextlib.asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[None]:
    """Run relay and reader; at the end close the subscriptions, finish the batch under way, give back the lock."""
    async with parts.database.reading() as connection:
        parts.hub.last_position = await outbox_db.last_published(connection)
    tasks = [asyncio.create_task(parts.relay.run())]
    if parts.reader is not None:
        tasks.append(asyncio.create_task(parts.reader.run()))
    _log.info("started", env=parts.settings.env, database=parts.database.engine.dialect.name)
    try:
        yield
    finally:
        await _stop(parts, tasks)


async def _stop(parts: Parts, tasks: list[asyncio.Task[None]]) -> None:
    parts.hub.close()
    parts.relay.stop()
    for task in tasks[1:]:
        task.cancel()
    await asyncio.wait(tasks, timeout=3)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await parts.transport.close()
    await parts.cache.close()
    await parts.database.dispose()
    _log.info("stopped")


def create_app(settings: Settings) -> Starlette:
    """The gateway as an ASGI application."""
    parts = build(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, Any]]:
        async with running(parts):
            yield {"parts": parts}

    app = Starlette(routes=_routes(parts), lifespan=lifespan)
    app.state.parts = parts
    app.add_middleware(Observed, metrics=parts.metrics)
    return app


def drain(app: Starlette) -> None:
    """Say "not ready" from now on, and end the streams.

    Sockets get a moment to be closed with 1012 first, which clients take as "connect again"; an orderly end of the
    stream would tell them that there is nothing more to come.
    """
    parts: Parts = app.state.parts
    parts.is_draining = True
    asyncio.get_running_loop().call_later(SOCKETS_FIRST_SECONDS, parts.hub.close)


def _routes(parts: Parts) -> list[BaseRoute]:
    view = GraphQLView(
        schema,
        context=_context_factory(parts),
        deadline_seconds=parts.settings.operation_deadline_seconds,
        explorer_page=_explorer_page if parts.settings.is_development else None,
        on_operation=_operation_counter(parts.metrics),
    )
    routes: list[BaseRoute] = [
        Route("/", _home),
        Route("/health", _health),
        Route("/health/live", _live),
        Route("/health/ready", _health),
        Route("/metrics", _metrics),
    ]
    if parts.settings.is_development and EXPLORER_DIRECTORY.is_dir():
        routes.append(Mount("/graphql/explorer", StaticFiles(directory=EXPLORER_DIRECTORY)))
    return [*routes, Route("/graphql", view), WebSocketRoute("/graphql", view)]


def _context_factory(parts: Parts) -> Any:
    async def context(connection: HTTPConnection) -> Context:
        header = connection.headers.get("authorization")
        return SignedIn(
            principal=await _principal(parts.verifier, header),
            database=parts.database,
            cache=parts.cache,
            hub=parts.hub,
            metrics=parts.metrics,
            verifier=parts.verifier,
            now=now,
            on_commit=parts.relay.wake,
            request_id=request_id.get(),
        )

    return context


class SignedIn(Context):
    """A context that tells the transport about refused tokens in the transport's own words."""

    async def authenticate(self, authorization: str | None) -> None:
        """Take on the caller of a socket's first message; Unauthenticated if the token is refused."""
        try:
            await super().authenticate(authorization)
        except InvalidToken as error:
            raise Unauthenticated(str(error)) from None


async def _principal(verifier: Verifier, header: str | None) -> Any:
    try:
        return await verifier.principal(header)
    except InvalidToken as error:
        raise Unauthenticated(str(error)) from None


def _operation_counter(metrics: Metrics) -> Any:
    def count(report: OperationReport) -> None:
        name = metrics.operation(report.name)
        metrics.graphql_requests.labels(name, report.type or "none", report.outcome).inc()
        metrics.graphql_seconds.labels(name).observe(report.seconds)

    return count


def _explorer_page(_request: Request) -> Response:
    page = EXPLORER_DIRECTORY / "index.html"
    headers = {"Content-Security-Policy": EXPLORER_POLICY, "Cache-Control": "no-store", **SECURITY_HEADERS}
    if not page.is_file():
        return Response(EXPLORER_MISSING, 503, headers=headers, media_type="text/plain")
    return Response(page.read_bytes(), headers=headers, media_type="text/html")


SECURITY_HEADERS: Final = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


async def _home(_request: Request) -> Response:
    return RedirectResponse("/graphql")


async def _live(_request: Request) -> Response:
    return JSONResponse({"status": "alive"})


async def _health(request: Request) -> Response:
    """Ready while the database answers with the present migrations and keys are known; Redis or Kafka down only
    degrades."""
    parts: Parts = request.state.parts
    checks = await _checks(parts)
    is_ready = checks["database"] and checks["migrations"] and checks["keys"] and not parts.is_draining
    is_whole = is_ready and checks["redis"] and checks["events"]
    status = "ready" if is_whole else "degraded" if is_ready else "unready"
    shown = {name: "up" if ok else "down" for name, ok in checks.items()}
    return JSONResponse({"status": status, "checks": shown}, 200 if is_ready else 503)


async def _checks(parts: Parts) -> dict[str, bool]:
    database, migrations = await _database_checks(parts.database)
    redis = await parts.cache.ping()
    events = parts.reader is None or parts.reader.is_reading.is_set()
    keys = bool((await parts.verifier.keys.current()).keys)
    for name, is_up in (("database", database), ("redis", redis), ("kafka", events)):
        parts.metrics.dependency_up.labels(dependency=name).set(is_up)
    return {"database": database, "migrations": migrations, "keys": keys, "redis": redis, "events": events}


async def _database_checks(database: Database) -> tuple[bool, bool]:
    try:
        async with asyncio.timeout(2), database.reading() as connection:
            return True, await is_current(connection)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the database is not ready
        _log.warning("database_down", error=type(error).__name__)
        return False, False


async def _metrics(request: Request) -> Response:
    parts: Parts = request.state.parts
    await _checks(parts)
    await _measure_backlog(parts)
    return Response(generate_latest(parts.metrics.registry), media_type=CONTENT_TYPE_LATEST)


async def _measure_backlog(parts: Parts) -> None:
    """What waits in the outbox, asked at every scrape: the relay itself may be stuck with a broker that is away."""
    try:
        async with asyncio.timeout(2), parts.database.reading() as connection:
            waiting = await outbox_db.backlog(connection)
    except (DatabaseUnavailable, TimeoutError):
        return
    age = (now() - waiting.oldest).total_seconds() if waiting.oldest else 0.0
    parts.metrics.outbox_pending.set(waiting.pending)
    parts.metrics.outbox_age.set(max(age, 0.0))


class Observed:
    """Gives every request an id, a log line and its metrics."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        identifier = _request_id(scope)
        token = request_id.set(identifier)
        try:
            if scope["type"] == "websocket":
                await self._app(scope, receive, send)
            else:
                await self._observe(scope, receive, send, identifier)
        finally:
            request_id.reset(token)

    async def _observe(self, scope: Scope, receive: Receive, send: Send, identifier: str) -> None:
        started = time.perf_counter()
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = identifier
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            self._count(scope, status, time.perf_counter() - started)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope["path"] if scope["path"] in ROUTES else OTHER
        method = scope["method"] if scope["method"] in {"GET", "POST"} else OTHER
        self._metrics.http_requests.labels(route, method, str(status)).inc()
        self._metrics.http_seconds.labels(route).observe(seconds)
        if route == "/graphql":
            _log.info("request", route=route, method=method, status=status, milliseconds=round(seconds * 1000, 1))


def _request_id(scope: Scope) -> str:
    given = HTTPConnection(scope).headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
