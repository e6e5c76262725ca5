"""The HTTP door of the pipeline, for the path /graphql: JSON, event streams, the explorer page, upgrades to sockets.

Media types are negotiated by the weights of Accept. `application/graphql-response+json` has true status codes;
`application/json`, which answers `*/*` and a missing Accept, says 200 to everything that is GraphQL at all. A
subscription is answered only as `text/event-stream` (graphql-sse, distinct connections) or in parts (`multipart/mixed`
with `subscriptionSpec=1.0`, Apollo's protocol), which Accept must name. What a single connection of graphql-sse sends
(PUT, DELETE, and requests with the token of a stream) is for `shared_streams.py`.

GET runs queries and subscriptions, and never for a form, an image or a link: a browser marks those `Sec-Fetch-Mode:
navigate` or `no-cors`, and they are refused unless they have a header that such elements cannot send (`content-type:
application/json`, `x-graphql-csrf`, `apollo-require-preflight`, `authorization`). A script of another site is marked
`cors`: its GET runs, but it cannot read the answer, and it gains nothing else, since a query changes nothing. An
EventSource of another site is refused too, since its stream would count against the caller. Clients other than browsers
need no such header: the audits of the specification send a GET without any.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import Any, Final

from graphql import OperationType
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry import Schema

from app.transport import errors, framings
from app.transport.admission import CountingRefusals, StreamSlots
from app.transport.answers import Answer, OperationReport
from app.transport.compression import compress
from app.transport.context import OperationContext
from app.transport.deadlines import disconnected
from app.transport.documents import Operation
from app.transport.errors import Refused
from app.transport.event_stream import EventStream
from app.transport.limits import Limits
from app.transport.negotiation import EVENTS, HTML, JSON, PARTS, RESPONSE, check_accepted, media_type, preference
from app.transport.open_streams import OpenStreams
from app.transport.parameters import Parameters
from app.transport.persisted import PersistedDocuments
from app.transport.pipeline import Pipeline
from app.transport.requests import check_method, check_stream, read_json
from app.transport.shared_streams import SharedStreams
from app.transport.websocket import Socket, SocketLimits

BATCH_MAX: Final = 10


class GraphQLView:
    """An ASGI endpoint for a Route and a WebSocketRoute of the same path.

    `context` makes one context per request or socket; every operation runs with its `for_operation()`. `explorer_page`
    answers a browser that asks for a page, unless it returns None. `is_alone`: no other process answers under the same
    address. `streams_per_caller` 0 is no limit, `batch_max` 0
    refuses all batches.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        context: Callable[[HTTPConnection], Awaitable[OperationContext]],
        deadline_seconds: float,
        body_seconds: float = 10.0,
        explorer_page: Callable[[Request], Response | None] | None = None,
        on_operation: Callable[[OperationReport], None] | None = None,
        on_execution: Callable[[str], None] | None = None,
        limits: Limits | None = None,
        plans_at_once: bool = False,
        reports_cost: bool = False,
        persisted: PersistedDocuments | None = None,
        streams_per_caller: int = 0,
        batch_max: int = 0,
        socket_limits: SocketLimits | None = None,
        is_alone: bool = True,
    ) -> None:
        if not 0 <= batch_max <= BATCH_MAX:
            raise ValueError(f"batch_max must be 0 to {BATCH_MAX}")
        self.pipeline = self._pipeline = Pipeline(
            schema,
            deadline_seconds=deadline_seconds,
            on_operation=on_operation,
            on_execution=on_execution,
            limits=limits,
            plans_at_once=plans_at_once,
            reports_cost=reports_cost,
            persisted=persisted,
        )
        self._context = context
        self._body_seconds = body_seconds
        self._explorer_page = explorer_page
        self._batch_max = batch_max
        self._socket_limits = socket_limits or SocketLimits()
        self._sockets = StreamSlots("sockets", streams_per_caller)
        self._subscriptions = StreamSlots("subscriptions", streams_per_caller)
        self._streams = OpenStreams()
        self._shared = SharedStreams(
            self._pipeline,
            self._subscriptions,
            per_caller=streams_per_caller,
            body_seconds=body_seconds,
            is_alone=is_alone,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one socket to its end."""
        if scope["type"] == "websocket":
            await self._serve_socket(WebSocket(scope, receive, send))
            return
        response = await self._respond(Request(scope, receive))
        if isinstance(response, EventStream):
            self._streams.add(response)
            try:
                await response(scope, receive, send)
            finally:
                self._streams.remove(response)
        else:
            await compress(response, Headers(scope=scope))
            await response(scope, receive, send)

    async def drain(self, seconds: float) -> None:
        """Ask the client of every socket and stream to reconnect, spread over these seconds."""
        await self._streams.drain(seconds)

    async def _serve_socket(self, websocket: WebSocket) -> None:
        socket = Socket(
            websocket, self._pipeline, self._context, self._socket_limits, self._sockets, self._subscriptions
        )
        self._streams.add(socket)
        try:
            await socket.run()
        finally:
            self._streams.remove(socket)

    async def _respond(self, request: Request) -> Response | EventStream:
        accepted = preference(request.headers.get("accept"))
        if request.method == "GET" and accepted[:1] == (HTML,) and self._explorer_page is not None:
            page = self._explorer_page(request)
            if page is not None:
                return page
        context: OperationContext | None = None
        try:
            if self._shared.concern(request):
                context = await self._context(request)
                return await self._shared_response(request, context)
            check_method(request, accepted)
            check_accepted(accepted)
            context = await self._context(request)
            async with CountingRefusals(context):
                value = await read_json(request, self._body_seconds)
                self._check_batch_size(value)
            if isinstance(value, list):
                return await self._batch(value, context, accepted)
            return await self._single(value, request, context, accepted)
        except Exception as error:  # noqa: BLE001 - masked and logged
            request_id = None if context is None else context.request_id
            return _json_response(self._pipeline.refuse(error, request_id=request_id), accepted)

    async def _shared_response(self, request: Request, context: OperationContext) -> Response | EventStream:
        """Its clients know a refusal by its status."""
        try:
            async with CountingRefusals(context):
                return await self._shared.respond(request, context)
        except Refused as refused:
            return _json_response(self._pipeline.refuse(refused, request_id=context.request_id), (RESPONSE,))

    async def _single(
        self, value: object, request: Request, context: OperationContext, accepted: tuple[str, ...]
    ) -> Response | EventStream:
        operation: Operation | None = None
        try:
            operation = await self._prepare(value, context)
            media = media_type(request.method, operation, accepted)
        except Refused as refused:
            answer = self._pipeline.refuse(refused, request_id=context.request_id, operation=operation)
            return _refusal_response(answer, accepted)
        if operation.type is OperationType.SUBSCRIPTION:
            check_stream(request)
            release = self._subscriptions.take(context)
            events = self._pipeline.events(operation, context.for_operation())
            framing = framings.PARTS if media == PARTS else framings.SERVER_SENT_EVENTS
            return EventStream(events, context.expires_at, release, framing)
        answer = await self._answer(operation, context, request.receive)
        return EventStream(_single_answer(answer)) if media == EVENTS else _json_response(answer, (media,))

    async def _answer(self, operation: Operation, context: OperationContext, receive: Receive) -> Answer:
        """A query ends when its client disconnects. A mutation is finished: a client that asks again with the same
        idempotency key learns the result."""
        is_query = operation.type is OperationType.QUERY
        gone = partial(disconnected, receive) if is_query else None
        return await self._pipeline.answer(operation, context.for_operation(), gone)

    async def _prepare(self, value: object, context: OperationContext) -> Operation:
        async with CountingRefusals(context):
            parameters = Parameters.of(value)
        return await self._pipeline.prepare(parameters, context)

    def _check_batch_size(self, value: object) -> None:
        if not isinstance(value, list):
            return
        if not self._batch_max:
            raise Refused(errors.BAD_REQUEST, "batches are not supported, send one operation per request")
        if not 0 < len(value) <= self._batch_max:
            raise Refused(errors.BAD_REQUEST, f"send 1 to {self._batch_max} operations in a batch")

    async def _batch(self, values: list[Any], context: OperationContext, accepted: tuple[str, ...]) -> Response:
        """One after the other, so that mutations keep their order, and all of them within one deadline."""
        ends_at = self._pipeline.batch_ends_at()
        bodies = [(await self._batched(value, context, ends_at)).body for value in values]
        return _json_response(Answer(b"[" + b",".join(bodies) + b"]"), accepted)

    async def _batched(self, value: object, context: OperationContext, ends_at: float) -> Answer:
        try:
            operation = await self._prepare(value, context)
            _check_batchable(operation)
        except Exception as error:  # noqa: BLE001 - masked and logged; the others of the batch are answered
            return self._pipeline.refuse(error, request_id=context.request_id)
        return await self._pipeline.answer(operation, context.for_operation(), ends_at=ends_at)


def _check_batchable(operation: Operation) -> None:
    if operation.type is OperationType.SUBSCRIPTION:
        raise Refused(errors.NOT_SUPPORTED, "send subscriptions outside of a batch")


async def _single_answer(answer: Answer) -> AsyncGenerator[Answer, None]:
    yield answer


def _refusal_response(answer: Answer, accepted: tuple[str, ...]) -> Response | EventStream:
    """Refused GraphQL is an event for a client that prefers events: an EventSource shows the reason of no other."""
    if answer.status == 400 and answer.legacy_status == 200 and accepted[:1] == (EVENTS,):
        return EventStream(_single_answer(answer))
    return _json_response(answer, accepted)


def _json_response(answer: Answer, accepted: tuple[str, ...]) -> Response:
    media = next((one for one in accepted if one in {JSON, RESPONSE}), JSON)
    status = answer.status if media == RESPONSE else answer.legacy_status
    return Response(answer.body, status, dict(answer.headers), f"{media}; charset=utf-8")
