"""The HTTP process: create_app(settings) wires routes, middleware and the GraphQL view to one Process."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from app.auth.principal import InvalidToken, Principal
from app.auth.tokens import Verifier
from app.redis.cache import DOCUMENT_LIFETIME_SECONDS, Cache
from app.resolvers.context import AccessLimits, Context
from app.runtime.process import Process, build, running
from app.runtime.settings import Settings
from app.schema.operation_names import OPERATION_NAMES
from app.schema.root import schema
from app.telemetry.logs import request_id
from app.telemetry.metrics import Metrics
from app.transport.answers import OperationReport
from app.transport.errors import Unauthenticated
from app.transport.limits import Limits
from app.transport.persisted import PersistedDocuments
from app.transport.trusted import load_trusted
from app.transport.view import GraphQLView
from app.web import health
from app.web.browser_policy import PAGE_POLICY, BrowserPolicy, origins_of
from app.web.observed import Observed

# Built by `make explorer`.
EXPLORER_DIRECTORY: Final = Path(__file__).parent / "static"
EXPLORER_PATH: Final = "/graphql/explorer"
EXPLORER_MISSING: Final = b"GraphiQL is not built: run `make explorer` (needs npm), then reload this page.\n"


def create_app(settings: Settings, *, clock: Callable[[], datetime] | None = None) -> Starlette:
    """The gateway as an ASGI application; `clock` replaces the database's.

    SettingsError or ManifestError if it cannot run."""
    process = build(settings, clock=clock, operation_names=OPERATION_NAMES)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, Any]]:
        async with running(process):
            yield {"process": process}

    view = _view(process)
    app = Starlette(routes=_routes(process, view), lifespan=lifespan)
    app.state.process, app.state.view = process, view
    app.add_middleware(BrowserPolicy, allowed_origins=origins_of(settings.allowed_origins), pages=EXPLORER_PATH)
    app.add_middleware(Observed, metrics=process.metrics)
    return app


async def drain(app: Starlette) -> None:
    """Report "not ready" from now on, and ask the client of every stream to reconnect elsewhere."""
    process: Process = app.state.process
    process.is_draining = True
    await app.state.view.drain(process.settings.drain_seconds)


def _routes(process: Process, view: GraphQLView) -> list[BaseRoute]:
    routes: list[BaseRoute] = [Route("/", _home), *health.routes()]
    if process.settings.is_development and EXPLORER_DIRECTORY.is_dir():
        routes.append(Mount(EXPLORER_PATH, StaticFiles(directory=EXPLORER_DIRECTORY)))
    return [*routes, Route("/graphql", view), WebSocketRoute("/graphql", view)]


async def _home(_request: Request) -> Response:
    return RedirectResponse("/graphql")


def _explorer_page(_request: Request) -> Response:
    page = EXPLORER_DIRECTORY / "index.html"
    headers = {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-store"}
    if not page.is_file():
        return Response(EXPLORER_MISSING, 503, headers=headers, media_type="text/plain")
    return Response(page.read_bytes(), headers=headers, media_type="text/html")


def _view(process: Process) -> GraphQLView:
    settings = process.settings
    return GraphQLView(
        schema,
        context=_context_factory(process),
        persisted=_persisted_documents(process),
        streams_per_caller=settings.streams_per_subject,
        deadline_seconds=settings.operation_deadline_seconds,
        body_seconds=settings.body_timeout_seconds,
        explorer_page=_explorer_page if settings.is_development else None,
        on_operation=_operation_counter(process.metrics),
        limits=Limits(depth=settings.depth_max, aliases=settings.aliases_max, cost=settings.cost_max),
        reports_cost=settings.is_development,
    )


def _persisted_documents(process: Process) -> PersistedDocuments:
    settings = process.settings
    return PersistedDocuments(
        load_trusted(settings.trusted_documents) if settings.trusted_documents else {},
        is_trusted_only=settings.trusted_documents_only,
        store=RegisteredDocuments(process.cache) if settings.automatic_persisted_queries else None,
    )


class RegisteredDocuments:
    """The documents that clients register (automatic persisted queries), in Redis."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def get(self, digest: str) -> str | None:
        """The text; None if it is unknown or has expired."""
        found = await self._cache.get(self._cache.document_key(digest))
        return None if found is None else found.decode(errors="replace")

    async def put(self, digest: str, text: str) -> None:
        """Store the text for a day."""
        key = self._cache.document_key(digest)
        await self._cache.put(key, text.encode(), lifetime_seconds=DOCUMENT_LIFETIME_SECONDS)


def _context_factory(process: Process) -> Callable[[HTTPConnection], Awaitable[Context]]:
    async def context(connection: HTTPConnection) -> Context:
        header = connection.headers.get("authorization")
        certificate = connection.scope.get("state", {}).get("client_certificate")
        return ConnectionContext(
            principal=await _principal(process.verifier, header, certificate),
            certificate=certificate,
            database=process.database,
            cache=process.cache,
            hub=process.hub,
            metrics=process.metrics,
            verifier=process.verifier,
            changes=process.changes,
            access_log=process.access_log,
            rate=process.rate,
            cursor_key=process.cursor_key,
            unknown_cards=process.unknown_cards,
            now=process.now,
            request_id=request_id.get(),
            address=connection.client.host if connection.client else "",
            limits=AccessLimits(process.settings.emergency_accesses_per_day, process.settings.persons_unlogged_max),
            is_schema_public=process.settings.is_development,
            is_over_socket=connection.scope["type"] == "websocket",
        )

    return context


class ConnectionContext(Context):
    """A context that reports refused tokens as the transport's own error."""

    async def authenticate(self, authorization: str | None) -> None:
        """Take on the caller of a socket's first message; Unauthenticated if the token is refused."""
        try:
            await super().authenticate(authorization)
        except InvalidToken as error:
            raise Unauthenticated(str(error)) from None


async def _principal(verifier: Verifier, header: str | None, certificate: bytes | None) -> Principal:
    try:
        return await verifier.principal(header, certificate)
    except InvalidToken as error:
        raise Unauthenticated(str(error)) from None


def _operation_counter(metrics: Metrics) -> Callable[[OperationReport], None]:
    def count(report: OperationReport) -> None:
        name = metrics.operation(report.name)
        metrics.graphql_requests.labels(name, report.type or "none", report.outcome).inc()
        metrics.graphql_seconds.labels(name, report.kind or "none").observe(report.seconds)

    return count
