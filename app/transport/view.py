"""The /graphql endpoint: GraphQL over HTTP (JSON and event streams), the explorer page, and sockets.

Media types are negotiated by the weights of Accept. `application/graphql-response+json` has true status codes;
`application/json`, which answers `*/*` and a missing Accept, says 200 to everything that is GraphQL at all. A
subscription is answered only as `text/event-stream` (graphql-sse, distinct connections), which Accept must name.

GET runs queries only, and never for a form, an image or a link: a browser marks those `Sec-Fetch-Mode: navigate` or
`no-cors`, and they are refused unless a header is there that they cannot send (`content-type: application/json`,
`x-graphql-csrf`, `apollo-require-preflight`, `authorization`). A script of another site is marked `cors`: it may ask,
as with any plain GET, but cannot read the answer, and gains nothing else, since a query changes nothing and identity
comes by the bearer header alone. Clients that are no browsers need no such header: the specification's audits GET
without any.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from graphql import OperationType
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry import Schema

from app.transport import errors
from app.transport.documents import Operation, Parameters
from app.transport.errors import Answer, OperationReport, Refused
from app.transport.event_stream import EventStream, disconnected
from app.transport.limits import Limits
from app.transport.negotiation import EVENTS, HTML, JSON, RESPONSE, media_type, preference
from app.transport.operations import Operations
from app.transport.persisted import PersistedDocuments
from app.transport.requests import check_method, content
from app.transport.websocket import Socket, SocketLimits

__all__ = ["GraphQLView", "OperationReport", "SocketLimits"]

BATCH_MAX = 10
DRAIN_GRACE_SECONDS = 0.5
DRAIN_POLL_SECONDS = 0.02

ExplorerPage = bytes | Callable[[Request], Response]


class GraphQLView:
    """An ASGI endpoint for a Route and a WebSocketRoute of the same path.

    `context` makes one context per request or socket; every operation runs with its `for_operation()`. `explorer_page`
    is the page itself, sent with `explorer_headers`, or a function that answers the request. `batch_max` 0 refuses all.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        context: Callable[[HTTPConnection], Awaitable[Any]],
        deadline_seconds: float,
        body_seconds: float = 10.0,
        explorer_page: ExplorerPage | None = None,
        explorer_headers: Mapping[str, str] | None = None,
        on_operation: Callable[[OperationReport], None] | None = None,
        limits: Limits | None = None,
        tells_cost: bool = False,
        persisted: PersistedDocuments | None = None,
        streams_per_caller: int = 0,
        batch_max: int = 0,
        socket_limits: SocketLimits | None = None,
    ) -> None:
        if not 0 <= batch_max <= BATCH_MAX:
            raise ValueError(f"batch_max is 0 to {BATCH_MAX}")
        self._operations = Operations(
            schema,
            deadline_seconds=deadline_seconds,
            on_operation=on_operation,
            limits=limits,
            tells_cost=tells_cost,
            persisted=persisted,
        )
        self._streams_per_caller = streams_per_caller
        self._streams: Counter[str] = Counter()
        self._context = context
        self._body_seconds = body_seconds
        self._explorer_page = explorer_page
        self._explorer_headers = dict(explorer_headers or {})
        self._batch_max = batch_max
        self._socket_limits = socket_limits or SocketLimits()
        self._open: set[Socket | EventStream] = set()
        self._is_draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one socket to its end."""
        if scope["type"] == "websocket":
            websocket = WebSocket(scope, receive, send)
            socket = Socket(websocket, self._operations, self._context, self._socket_limits, self._enter)
            async with self._opened(socket):
                await socket.run()
            return
        response = await self._respond(Request(scope, receive))
        if not isinstance(response, EventStream):
            await response(scope, receive, send)
            return
        async with self._opened(response):
            try:
                await response(scope, receive, send)
            finally:
                response.leave()

    def _enter(self, context: Any) -> Callable[[], None]:
        """Count one more stream of the caller, until what is returned is called; Refused if there are too many."""
        caller = getattr(context, "caller", None)
        if caller is None or not self._streams_per_caller:
            return lambda: None
        if self._streams[caller] >= self._streams_per_caller:
            message = f"at most {self._streams_per_caller} streams at a time"
            raise Refused(errors.RATE_LIMITED, message, status=429)
        self._streams[caller] += 1

        def leave() -> None:
            self._streams[caller] -= 1
            if not self._streams[caller]:
                del self._streams[caller]

        return leave

    @asynccontextmanager
    async def _opened(self, stream: "Socket | EventStream") -> AsyncIterator[None]:
        self._open.add(stream)
        if self._is_draining:
            asyncio.get_running_loop().call_soon(stream.interrupt)
        try:
            yield
        finally:
            self._open.discard(stream)

    async def drain(self, seconds: float) -> None:
        """Ask the client of every socket and stream to connect again, spread over the time so that they do not all
        come at once; returns when all have gone, at the latest half a second later."""
        self._is_draining = True
        loop = asyncio.get_running_loop()
        for stream in self._open:
            loop.call_later(random.uniform(0, seconds), stream.interrupt)  # noqa: S311 - jitter, not a secret
        give_up_at = loop.time() + seconds + DRAIN_GRACE_SECONDS
        while self._open and loop.time() < give_up_at:  # noqa: ASYNC110 - a set gives no signal
            await asyncio.sleep(DRAIN_POLL_SECONDS)

    async def _respond(self, request: Request) -> Any:
        accepted = preference(request.headers.get("accept"))
        if request.method == "GET" and accepted[:1] == (HTML,) and self._explorer_page is not None:
            return self._page(self._explorer_page, request)
        context = None
        try:
            check_method(request, accepted)
            context = await self._context(request)
            return await self._graphql(request, context, accepted)
        except Exception as error:  # noqa: BLE001 - masked and logged
            answer = self._operations.refuse(error, request_id=getattr(context, "request_id", None))
            return _json(answer, accepted)

    def _page(self, page: ExplorerPage, request: Request) -> Response:
        if isinstance(page, bytes):
            return Response(page, headers=self._explorer_headers, media_type=HTML)
        return page(request)

    async def _graphql(self, request: Request, context: Any, accepted: tuple[str, ...]) -> Any:
        body = await content(request, self._body_seconds)
        if isinstance(body, list):
            return await self._batch(body, context, accepted)
        operation: Operation | None = None
        try:
            operation = await self._operations.find(Parameters.of(body), context)
            media = media_type(request.method, operation, accepted)
        except Refused as refused:
            answer = self._operations.refuse(refused, request_id=_request_id(context), operation=operation)
            return _told(answer, accepted)
        if operation.type is OperationType.SUBSCRIPTION:
            leave = self._enter(context)
            events = self._operations.events(operation, context.for_operation())
            return EventStream(events, getattr(context, "expires_at", None), leave)
        answer = await self._answer(operation, context, request.receive)
        return EventStream(_one(answer)) if media == EVENTS else _json(answer, (media,))

    async def _answer(self, operation: Operation, context: Any, receive: Receive | None = None) -> Answer:
        """A query ends when its client has gone; a mutation is finished for whoever asks again."""
        is_query = operation.type is OperationType.QUERY
        gone = partial(disconnected, receive) if is_query and receive else None
        return await self._operations.answer(operation, context.for_operation(), gone)

    async def _batch(self, items: list[Any], context: Any, accepted: tuple[str, ...]) -> Response:
        """One after the other, so that mutations keep their order."""
        if not 0 < len(items) <= self._batch_max:
            asked = f"a batch has 1 to {self._batch_max} operations" if self._batch_max else "batches are not supported"
            raise Refused(errors.BAD_REQUEST, asked)
        bodies = [(await self._batched(item, context)).body for item in items]
        return _json(Answer(b"[" + b",".join(bodies) + b"]"), accepted)

    async def _batched(self, item: object, context: Any) -> Answer:
        try:
            operation = _batchable(await self._operations.find(Parameters.of(item), context))
        except Refused as refused:
            return self._operations.refuse(refused, request_id=_request_id(context))
        return await self._answer(operation, context)


async def _one(answer: Answer) -> AsyncGenerator[Answer, None]:
    yield answer


def _told(answer: Answer, accepted: tuple[str, ...]) -> Any:
    """GraphQL that is refused, as an event if the client listens for events, so that it can show the reason."""
    if answer.status == 400 and answer.legacy_status == 200 and accepted[:1] == (EVENTS,):
        return EventStream(_one(answer))
    return _json(answer, accepted)


def _json(answer: Answer, accepted: tuple[str, ...]) -> Response:
    media = next((one for one in accepted if one in {JSON, RESPONSE}), JSON)
    status = answer.status if media == RESPONSE else answer.legacy_status
    return Response(answer.body, status, dict(answer.headers), f"{media}; charset=utf-8")


def _request_id(context: Any) -> str | None:
    return getattr(context, "request_id", None)


def _batchable(operation: Operation) -> Operation:
    if operation.type is OperationType.SUBSCRIPTION:
        raise Refused(errors.NOT_SUPPORTED, "a batch holds no subscriptions")
    return operation
