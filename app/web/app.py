"""The HTTP process: create_app(settings) wires routes, middleware and the GraphQL view to one Process."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import Any

import strawberry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.domain.actor import Door
from app.redis.cache import DOCUMENT_LIFETIME_SECONDS, Cache
from app.rest import openapi, table
from app.rest.browse import PATHS as REST_PAGES
from app.rest.routes import routes as rest_routes
from app.runtime.process import Process, build, running
from app.runtime.settings import Settings
from app.schema.operation_names import OPERATION_TYPES
from app.schema.root import schema
from app.tasks.ending import ended
from app.telemetry.metrics import Metrics
from app.transport.answers import OperationReport
from app.transport.limits import Limits
from app.transport.persisted import PersistedDocuments
from app.transport.trusted import load_trusted
from app.transport.view import GraphQLView
from app.web import attachments, documents, explorer, schema_text
from app.web.attachments import AttachmentDownloads
from app.web.browser_policy import BrowserPolicy
from app.web.contexts import Contexts
from app.web.documents import DocumentUploads, UploadLimits
from app.web.explorer import Explorer
from app.web.failures import Failures, http_error
from app.web.health import Health
from app.web.lane import Lane
from app.web.language import ReadersLanguage
from app.web.observed import Observed, Requests
from app.web.origins import Origins
from app.web.reference import Reference
from app.web.schema_text import SchemaText
from app.web.strict import StrictRequests


def create_app(settings: Settings, *, clock: Callable[[], datetime] | None = None, is_alone: bool = True) -> Starlette:
    """The gateway as an ASGI application; `clock` replaces the database's. `is_alone`: no other process answers under
    the same address.

    SettingsError or ManifestError if it cannot run."""
    process = build(settings, clock=clock, operation_types=OPERATION_TYPES)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, Any]]:
        async with running(process), _simulated_payer(process):
            yield {"process": process}

    pages, contexts = Explorer(settings), Contexts(process)
    view, probes = _view(process, pages, contexts, is_alone=is_alone), Health(process)
    app = _Application(
        routes=_routes(process, view, probes, pages), lifespan=lifespan, exception_handlers={HTTPException: http_error}
    )
    # A redirect would lead to whatever the Host header says.
    app.router.redirect_slashes = False
    app.state.process, app.state.view, app.state.health = process, view, probes
    app.add_middleware(StrictRequests)
    app.add_middleware(Failures)
    origins = Origins(settings.allowed_origins, has_loopback=settings.is_development)
    app.add_middleware(BrowserPolicy, origins=origins, pages=(explorer.PATH, *REST_PAGES))
    requests = Requests(process.metrics)
    app.add_middleware(Observed, requests=requests)
    app.add_middleware(ReadersLanguage)
    app.first = Lane(app.general, pipeline=view.pipeline, contexts=contexts, requests=requests, origins=origins)
    return app


class _Application(Starlette):
    """Starlette's application, with something that sees each request `first`."""

    first: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, serve one socket, or run the lifespan."""
        await (self.first or self.general)(scope, receive, send)

    def general(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """The same through Starlette's middlewares and routes."""
        return super().__call__(scope, receive, send)


def create_admin_app(app: Starlette) -> Starlette:
    """What orchestrators and monitoring ask of the gateway, for a listener of its own."""
    process: Process = app.state.process
    admin = Starlette(routes=app.state.health.routes(), exception_handlers={HTTPException: http_error})
    admin.router.redirect_slashes = False
    for middleware in (StrictRequests, Failures):
        admin.add_middleware(middleware)
    admin.add_middleware(Observed, requests=Requests(process.metrics))
    return admin


def announce_stop(app: Starlette) -> None:
    """Report "not ready" from now on."""
    process: Process = app.state.process
    process.is_draining = True


async def drain(app: Starlette) -> None:
    """Ask the client of every stream to reconnect elsewhere."""
    process: Process = app.state.process
    await app.state.view.drain(process.settings.drain_seconds)


@contextlib.asynccontextmanager
async def _simulated_payer(process: Process) -> AsyncIterator[None]:
    """Lets the demo's payer act while serving, if the settings say so."""
    seconds = process.settings.demo_payer_seconds
    if not seconds:
        yield
        return
    from app.demo.payer import SimulatedPayer  # noqa: PLC0415 - nothing else that serves needs the demo

    # Of several processes the one acts that publishes events.
    payer = SimulatedPayer(process.database, process.changes, may_act=lambda: process.relay.leads)
    task = asyncio.create_task(payer.run(seconds))
    try:
        yield
    finally:
        task.cancel()
        await ended([task])


def _routes(process: Process, view: GraphQLView, probes: Health, pages: Explorer) -> list[BaseRoute]:
    has_metrics = process.settings.admin_port is None
    # Routes are tried in their order, so the usual one is first.
    routes: list[BaseRoute] = [Route("/graphql", view), WebSocketRoute("/graphql", view)]
    routes += pages.routes()
    routes.append(Route(documents.PATH, _uploads(process)))
    if process.settings.rest:
        seconds = process.settings.body_timeout_seconds
        context = Contexts(process, Door.REST)
        routes += rest_routes(view.pipeline, context=context, body_seconds=seconds, openapi=_openapi)
    downloads = AttachmentDownloads(process.database, context=Contexts(process))
    routes.append(Route(attachments.PATH, downloads))
    routes.append(Route(schema_text.PATH, SchemaText(context=Contexts(process))))
    routes += Reference(process.database, context=Contexts(process)).routes()
    return [*routes, Route("/", _home), *probes.routes(has_metrics=has_metrics)]


def _openapi() -> bytes:
    return openapi.document(version("convenio-billing-gateway"), schema._schema)  # noqa: SLF001 - Strawberry has no name for it


async def _home(_request: Request) -> Response:
    return RedirectResponse("/graphql")


def _view(process: Process, pages: Explorer, contexts: Contexts, *, is_alone: bool) -> GraphQLView:
    settings = process.settings
    return GraphQLView(
        _subgraph() if settings.federation else schema,
        context=contexts,
        persisted=_persisted_documents(process),
        streams_per_caller=settings.streams_per_subject,
        batch_max=settings.batch_max,
        deadline_seconds=settings.operation_deadline_seconds,
        body_seconds=settings.body_timeout_seconds,
        explorer_page=pages.page,
        on_operation=_operation_counter(process.metrics),
        on_execution=_execution_counter(process.metrics),
        limits=Limits(
            depth=settings.depth_max, aliases=settings.aliases_max, cost=settings.cost_max, fields=settings.fields_max
        ),
        plans_at_once=settings.plans_at_once,
        reports_cost=settings.is_development,
        is_alone=is_alone,
    )


def _subgraph() -> strawberry.Schema:
    from app.schema.federation import subgraph  # noqa: PLC0415 - 5 ms of a start, and few gateways are subgraphs

    return subgraph()


def _uploads(process: Process) -> DocumentUploads:
    limits = UploadLimits(process.settings.document_bytes_max, process.settings.body_timeout_seconds)
    return DocumentUploads(process.database, context=Contexts(process), limits=limits)


def _persisted_documents(process: Process) -> PersistedDocuments:
    settings = process.settings
    listed = load_trusted(settings.trusted_documents) if settings.trusted_documents else {}
    return PersistedDocuments(
        {**listed, **table.documents()} if settings.rest else listed,
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


def _execution_counter(metrics: Metrics) -> Callable[[str], None]:
    executions = cache(metrics.graphql_executions.labels)

    def count(executor: str) -> None:
        executions(executor).inc()

    return count


def _operation_counter(metrics: Metrics) -> Callable[[OperationReport], None]:
    requests, seconds = cache(metrics.graphql_requests.labels), cache(metrics.graphql_seconds.labels)

    def count(report: OperationReport) -> None:
        name = metrics.operation(report.name)
        requests(name, report.type or "none", report.outcome).inc()
        seconds(name, report.kind or "none").observe(report.seconds)

    return count
