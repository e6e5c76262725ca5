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
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from functools import lru_cache, partial
from typing import Any

import orjson
from graphql import OperationType
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry import Schema

from app.transport import errors
from app.transport.documents import Operation, Parameters
from app.transport.errors import Answer, OperationReport, Refused, Restarting, Unauthenticated
from app.transport.limits import Limits
from app.transport.operations import Operations, end_now, ended_by, has_gone
from app.transport.persisted import PersistedDocuments
from app.transport.websocket import Socket, SocketLimits

__all__ = ["GraphQLView", "OperationReport", "SocketLimits"]

JSON = "application/json"
RESPONSE = "application/graphql-response+json"
EVENTS = "text/event-stream"
HTML = "text/html"
BODY_BYTES_MAX = 128 * 1024
BODY_SECONDS_MAX = 10.0
BATCH_MAX = 10
HEARTBEAT_SECONDS = 12.0
SEND_SECONDS_MAX = 10.0
DRAIN_GRACE_SECONDS = 0.5
DRAIN_POLL_SECONDS = 0.02
_NEVER_SENT_BY_FORMS = ("x-graphql-csrf", "apollo-require-preflight", "authorization")

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
            _check_method(request, accepted)
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
        body = _query_string(request) if request.method == "GET" else await _body(request)
        if isinstance(body, list):
            return await self._batch(body, context, accepted)
        operation: Operation | None = None
        try:
            operation = await self._operations.find(Parameters.of(body))
            media = _media_type(request, operation, accepted)
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
        gone = partial(_disconnected, receive) if is_query and receive else None
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
            operation = _batchable(await self._operations.find(Parameters.of(item)))
        except Refused as refused:
            return self._operations.refuse(refused, request_id=_request_id(context))
        return await self._answer(operation, context)


class EventStream:
    """The response of a stream: `next` events, then `complete`; comments between them keep proxies from closing it."""

    def __init__(
        self,
        answers: AsyncGenerator[Answer, None],
        expires_at: float | None = None,
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        self.leave = leave
        self._answers = answers
        self._seconds_left = None if expires_at is None else expires_at - time.time()
        self._timer: asyncio.Timeout | None = None
        self._is_interrupted = False

    def interrupt(self) -> None:
        """End the stream with an error that asks the client to subscribe again."""
        self._is_interrupted = True
        if self._timer is not None:
            end_now(self._timer)

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the answers end, the client goes or stops reading, or the token expires."""
        await send({"type": "http.response.start", "status": 200, "headers": _EVENT_HEADERS})
        gone = partial(_disconnected, receive)
        async with aclosing(self._answers) as answers:
            try:
                async with asyncio.timeout(self._seconds_left) as timer, ended_by(timer, gone), _heartbeat(send, timer):
                    self._timer = timer
                    if self._is_interrupted:
                        end_now(timer)
                    async for answer in answers:
                        await _send_event(send, answer)
            except TimeoutError:
                if not self._is_interrupted and (has_gone(timer) or not timer.expired()):
                    return
                await _send_event(send, Answer.refused(self._end()))
            await _send_chunk(send, b"event: complete\ndata:\n\n", more=False)

    def _end(self) -> Refused:
        if self._is_interrupted:
            return Restarting()
        return Unauthenticated("the token has expired")


_EVENT_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


async def _send_event(send: Send, answer: Answer) -> None:
    await _send_chunk(send, b"event: next\ndata: " + answer.body + b"\n\n")


async def _send_chunk(send: Send, chunk: bytes, *, more: bool = True) -> None:
    async with asyncio.timeout(SEND_SECONDS_MAX):
        await send({"type": "http.response.body", "body": chunk, "more_body": more})


@asynccontextmanager
async def _heartbeat(send: Send, timer: asyncio.Timeout) -> AsyncIterator[None]:
    """A comment every 12 s; a client that does not take it has gone."""

    async def beat() -> None:
        try:
            while True:
                await asyncio.sleep(HEARTBEAT_SECONDS)
                await _send_chunk(send, b":\n\n")
        except (TimeoutError, OSError):
            end_now(timer)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


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


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _check_method(request: Request, accepted: tuple[str, ...]) -> None:
    if request.method not in {"GET", "POST"}:
        raise Refused("METHOD_NOT_ALLOWED", "use POST", status=405, headers={"allow": "GET, POST"})
    if request.method == "GET" and accepted[:1] == (HTML,) and "query" not in request.query_params:
        raise Refused("NOT_FOUND", "there is no page here", status=404)
    if request.method == "GET" and _is_from_a_form(request):
        raise Refused(errors.BAD_REQUEST, "a GET from a page needs the header x-graphql-csrf")


def _is_from_a_form(request: Request) -> bool:
    headers = request.headers
    if any(headers.get(name) for name in _NEVER_SENT_BY_FORMS) or _is_json(headers.get("content-type", "")):
        return False
    return headers.get("sec-fetch-mode") in {"navigate", "no-cors"}


def _is_json(content_type: str) -> bool:
    media, *parameters = (part.strip() for part in content_type.lower().split(";"))
    charsets = [part.removeprefix("charset=").strip('"') for part in parameters if part.startswith("charset=")]
    return media == JSON and all(charset in {"utf-8", "utf8"} for charset in charsets)


def _batchable(operation: Operation) -> Operation:
    if operation.type is OperationType.SUBSCRIPTION:
        raise Refused(errors.NOT_SUPPORTED, "a batch holds no subscriptions")
    return operation


def _media_type(request: Request, operation: Operation, accepted: tuple[str, ...]) -> str:
    """What the answer will be; Refused where the method or Accept does not allow the operation."""
    if request.method == "GET" and operation.type is not OperationType.QUERY:
        raise Refused("METHOD_NOT_ALLOWED", "GET runs queries only", status=405, headers={"allow": "POST"})
    if operation.type is OperationType.SUBSCRIPTION:
        if EVENTS not in accepted:
            raise Refused(errors.NOT_SUPPORTED, f"a subscription needs Accept: {EVENTS}", status=406)
        return EVENTS
    for media in accepted:
        if media != HTML:
            return media
    raise Refused("NOT_ACCEPTABLE", f"the answer is {RESPONSE}, {JSON} or {EVENTS}", status=406)


def _query_string(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = dict(request.query_params)
    for member in ("variables", "extensions"):
        if found.get(member):
            found[member] = _loaded(found[member])
        else:
            found.pop(member, None)
    return found


async def _body(request: Request) -> object:
    if not _is_json(request.headers.get("content-type", "")) or "content-encoding" in request.headers:
        raise Refused("UNSUPPORTED_MEDIA_TYPE", "the body is plain application/json in UTF-8", status=415)
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            return _loaded(await _read(request.receive, request.headers.get("content-length", "")))
    except TimeoutError:
        raise Refused("REQUEST_TIMEOUT", "the body did not arrive", status=408, headers=_CLOSE) from None


_CLOSE = {"connection": "close"}


async def _read(receive: Receive, announced: str) -> bytes:
    body = bytearray()
    if announced.isdecimal() and len(announced) < 20 and int(announced) > BODY_BYTES_MAX:
        raise _too_large()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(errors.BAD_REQUEST, "the client has gone", status=499)
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise _too_large()
        if not message.get("more_body"):
            return bytes(body)


def _too_large() -> Refused:
    message = f"the body has at most {BODY_BYTES_MAX} bytes"
    return Refused("PAYLOAD_TOO_LARGE", message, status=413, headers=_CLOSE)


def _loaded(text: bytes | str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Refused(errors.BAD_REQUEST, "not valid JSON") from None


@lru_cache(maxsize=256)
def preference(accept: str | None) -> tuple[str, ...]:
    """Our media types that an Accept header allows, best first; equal weights in the header's order.

    `*/*` stands for JSON only: a page or an endless stream must be asked for by name.
    """
    ranges = _ranges(accept or "*/*")
    ranked = []
    for ours in (JSON, RESPONSE, EVENTS, HTML):
        known = (ours, f"{ours.partition('/')[0]}/*") + (("*/*",) if ours in {JSON, RESPONSE} else ())
        weight, place = next((ranges[one] for one in known if one in ranges), (0.0, 0))
        if weight > 0:
            ranked.append((-weight, place, ours))
    return tuple(ours for _, _, ours in sorted(ranked, key=lambda one: one[:2]))


def _ranges(accept: str) -> dict[str, tuple[float, int]]:
    """Each media range's weight and place."""
    found: dict[str, tuple[float, int]] = {}
    for place, part in enumerate(accept.lower().split(",")):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weights = [piece.removeprefix("q=") for piece in parameters if piece.startswith("q=")]
        found.setdefault(name, (_weight(weights[0]) if weights else 1.0, place))
    return found


def _weight(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
