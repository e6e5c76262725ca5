"""The HTTP entry: create_app(settings) puts the parts together, builds them at start and closes them at the end."""

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
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

from app.auth.principal import InvalidToken
from app.auth.tokens import Verifier
from app.db import outbox as outbox_db
from app.db.engine import Database, DatabaseUnavailable
from app.db.migrate import is_current
from app.redis.cache import DOCUMENT_LIFETIME_SECONDS, Cache
from app.resolvers.context import Context
from app.runtime.build import now
from app.runtime.process import Process, build, running
from app.runtime.settings import Settings
from app.schema.root import schema
from app.telemetry.metrics import OTHER, Metrics, request_id
from app.transport.errors import Unauthenticated
from app.transport.limits import Limits
from app.transport.persisted import PersistedDocuments
from app.transport.trusted import load_trusted
from app.transport.view import GraphQLView, OperationReport
from app.web.browser_policy import PAGE_POLICY, BrowserPolicy, origins_of

EXPLORER_DIRECTORY: Final = Path(__file__).parent / "static"
EXPLORER_PATH: Final = "/graphql/explorer"
EXPLORER_MISSING: Final = b"GraphiQL is not built: run `make explorer` (needs npm), then reload this page.\n"
ROUTES: Final = ("/graphql", "/health", "/health/live", "/health/ready", "/metrics")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
_log = structlog.get_logger("billing")


def create_app(settings: Settings, *, clock: Callable[[], datetime] = now) -> Starlette:
    """The gateway as an ASGI application; `clock` tells it the time."""
    parts = build(settings, clock=clock)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, Any]]:
        async with running(parts):
            yield {"parts": parts}

    view = _view(parts)
    app = Starlette(routes=_routes(parts, view), lifespan=lifespan)
    app.state.parts, app.state.view = parts, view
    app.add_middleware(BrowserPolicy, allowed_origins=origins_of(settings.allowed_origins), pages=EXPLORER_PATH)
    app.add_middleware(Observed, metrics=parts.metrics)
    return app


async def drain(app: Starlette) -> None:
    """Say "not ready" from now on, and ask the clients of every stream to connect elsewhere."""
    parts: Process = app.state.parts
    parts.is_draining = True
    await app.state.view.drain(parts.settings.drain_seconds)


def _view(parts: Process) -> GraphQLView:
    settings = parts.settings
    trusted = load_trusted(settings.trusted_documents) if settings.trusted_documents else {}
    persisted = PersistedDocuments(
        trusted,
        is_only=settings.trusted_documents_only,
        store=Kept(parts.cache) if settings.automatic_persisted_queries else None,
    )
    return GraphQLView(
        schema,
        persisted=persisted,
        streams_per_caller=settings.streams_per_subject,
        context=_context_factory(parts),
        deadline_seconds=parts.settings.operation_deadline_seconds,
        body_seconds=parts.settings.body_timeout_seconds,
        explorer_page=_explorer_page if parts.settings.is_development else None,
        on_operation=_operation_counter(parts.metrics),
        limits=Limits(depth=parts.settings.depth_max, aliases=parts.settings.aliases_max, cost=parts.settings.cost_max),
        tells_cost=parts.settings.is_development,
    )


class Kept:
    """Documents that clients registered, in Redis."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def get(self, digest: str) -> str | None:
        """The text, or None."""
        found = await self._cache.get(self._cache.document_key(digest))
        return None if found is None else found.decode(errors="replace")

    async def put(self, digest: str, text: str) -> None:
        """Keep it for a day."""
        key = self._cache.document_key(digest)
        await self._cache.put(key, text.encode(), lifetime_seconds=DOCUMENT_LIFETIME_SECONDS)


def _routes(parts: Process, view: GraphQLView) -> list[BaseRoute]:
    routes: list[BaseRoute] = [
        Route("/", _home),
        Route("/health", _health),
        Route("/health/live", _live),
        Route("/health/ready", _health),
        Route("/metrics", _metrics),
    ]
    if parts.settings.is_development and EXPLORER_DIRECTORY.is_dir():
        routes.append(Mount(EXPLORER_PATH, StaticFiles(directory=EXPLORER_DIRECTORY)))
    return [*routes, Route("/graphql", view), WebSocketRoute("/graphql", view)]


def _context_factory(parts: Process) -> Any:
    async def context(connection: HTTPConnection) -> Context:
        header = connection.headers.get("authorization")
        certificate = connection.scope.get("state", {}).get("client_certificate")
        return SignedIn(
            principal=await _principal(parts.verifier, header, certificate),
            certificate=certificate,
            database=parts.database,
            cache=parts.cache,
            hub=parts.hub,
            metrics=parts.metrics,
            verifier=parts.verifier,
            turns=parts.turns,
            trail=parts.trail,
            rate=parts.rate,
            now=parts.now,
            on_commit=parts.relay.wake,
            request_id=request_id.get(),
            address=connection.client.host if connection.client else "",
            tells_schema=parts.settings.is_development,
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


async def _principal(verifier: Verifier, header: str | None, certificate: bytes | None) -> Any:
    try:
        return await verifier.principal(header, certificate)
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
    headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-store"}
    if not page.is_file():
        return Response(EXPLORER_MISSING, 503, headers=headers, media_type="text/plain")
    return Response(page.read_bytes(), headers=headers, media_type="text/html")


async def _home(_request: Request) -> Response:
    return RedirectResponse("/graphql")


async def _live(_request: Request) -> Response:
    return JSONResponse({"status": "alive"})


async def _health(request: Request) -> Response:
    """Ready while the database answers with the present migrations and keys are known; Redis or Kafka down only
    degrades."""
    parts: Process = request.state.parts
    checks = await _checks(parts)
    is_ready = checks["database"] and checks["migrations"] and checks["keys"] and not parts.is_draining
    is_whole = is_ready and checks["redis"] and checks["events"]
    status = "ready" if is_whole else "degraded" if is_ready else "unready"
    shown = {name: "up" if ok else "down" for name, ok in checks.items()}
    return JSONResponse({"status": status, "checks": shown}, 200 if is_ready else 503)


async def _checks(parts: Process) -> dict[str, bool]:
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
    parts: Process = request.state.parts
    await _checks(parts)
    await _measure_backlog(parts)
    return Response(generate_latest(parts.metrics.registry), media_type=CONTENT_TYPE_LATEST)


async def _measure_backlog(parts: Process) -> None:
    """What waits in the outbox, asked at every scrape: the relay itself may be stuck with a broker that is away."""
    try:
        async with asyncio.timeout(2), parts.database.reading() as connection:
            waiting = await outbox_db.backlog(connection)
            parked, kept = await outbox_db.held_back_count(connection), await outbox_db.log_range(connection)
    except (DatabaseUnavailable, TimeoutError):
        return
    age = (parts.now() - waiting.oldest).total_seconds() if waiting.oldest else 0.0
    parts.metrics.outbox_pending.set(waiting.pending)
    parts.metrics.outbox_age.set(max(age, 0.0))
    parts.metrics.parked.set(parked)
    parts.metrics.consumer_lag.labels("hub").set(max(kept.last - (parts.hub.last_position or 0), 0))
    if parts.inbox is not None:
        parts.metrics.consumer_lag.labels("inbox").set(parts.inbox.lag())


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
