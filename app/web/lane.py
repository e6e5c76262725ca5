"""The short way of the usual request: a caller with a token sends a known document as JSON to POST /graphql.

It does what the general way does, in the same order and by the same functions, with fewer calls between them: no
router, no chain of middlewares, and the headers are looked at once. Whatever is unusual goes the general way; that is
decided before anything is counted, so that no request is counted twice.
"""

import asyncio
import time
from collections.abc import Coroutine
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple, cast

import orjson
from graphql import OperationType
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.language.choice import Reader, reader
from app.resolvers.context import Context
from app.telemetry.logs import client_address, request_id
from app.transport.answers import Answer
from app.transport.at_once import answering
from app.transport.begun import Begun
from app.transport.compression import BYTES_MIN, encoded, preferred
from app.transport.deadlines import disconnected
from app.transport.documents import Operation
from app.transport.errors import Refused, as_refusal
from app.transport.negotiation import HTML, JSON, PARTS, RESPONSE, preference
from app.transport.parameters import Parameters
from app.transport.pipeline import Pipeline
from app.transport.requests import BODY_BYTES_MAX, is_json
from app.web import refusals
from app.web.browser_policy import constant_headers
from app.web.contexts import Contexts
from app.web.observed import Requests, address_of, identifier_of
from app.web.origins import Origins
from app.web.strict import is_host

PATH: Final = "/graphql"
_READ: Final = frozenset(
    {
        *(b"host", b"authorization", b"content-type", b"origin"),
        *(b"accept", b"accept-encoding", b"accept-language", b"x-request-id"),
    }
)
"""The headers that the answer depends on. One that is sent twice makes a request unusual."""
_UNUSUAL: Final = frozenset(
    {b"content-encoding", b"transfer-encoding", b"expect", b"upgrade", b"x-graphql-event-stream-token"}
)
Header = tuple[bytes, bytes]
Response = tuple[int, list[Header], bytes]
"""Its status, headers and body."""
_CONTENT_TYPES: Final = {media: f"{media}; charset=utf-8".encode() for media in (JSON, RESPONSE)}


class _Head(NamedTuple):
    """What a usual request says: the media type of its answer, and the values of headers."""

    media: str
    given: dict[bytes, bytes]

    def text(self, name: bytes) -> str:
        """The value of a header, "" if it was not sent."""
        return self.given.get(name, b"").decode("latin-1")


class Lane:
    """An ASGI application in front of the `general` one."""

    def __init__(
        self, general: ASGIApp, *, pipeline: Pipeline, contexts: Contexts, requests: Requests, origins: Origins
    ) -> None:
        self._general = general
        self._pipeline = pipeline
        self._contexts = contexts
        self._requests = requests
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or pass it on."""
        head = _head(scope)
        if head is None:
            await self._general(scope, receive, send)
            return
        message = Begun(cast("Coroutine[Any, Any, Message]", receive()))
        if not (message.is_done and await self._has_answered(head, await message, scope, receive, send)):
            await self._general(scope, _again(message, receive), send)

    async def _has_answered(self, head: _Head, message: Message, scope: Scope, receive: Receive, send: Send) -> bool:
        started = time.perf_counter()
        # Each request has a task of its own, with which these end.
        request_id.set(identifier_of(head.given.get(b"x-request-id", b"")))
        client_address.set(address_of(scope))
        reader.set(Reader(head.text(b"accept-language")))
        response = await self._response(head, message, scope, receive, started)
        if response is None:
            return False
        status, headers, body = response
        try:
            # The server's own way to write looks at each header by two regular expressions: an eighth of the floor.
            if not answering(scope)(status, headers, body):
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": body})
        finally:
            self._requests.count(PATH, "POST", status, time.perf_counter() - started, is_logged=True)
        return True

    async def _response(
        self, head: _Head, message: Message, scope: Scope, receive: Receive, started: float
    ) -> Response | None:
        """The response; None for a request that turns out to be an unusual one."""
        try:
            answer = await self._executed(head, message, scope, receive, started)
            return None if answer is None else await self._encoded(answer, head, scope)
        except asyncio.CancelledError:
            # Only the end of the time that a stop gives to requests cancels them.
            refused: Refused = refusals.Stopping()
        except Exception as error:  # noqa: BLE001 - masked and logged
            refused = as_refusal(error, request_id.get())
        # It is too short to be compressed, and so nothing is waited for.
        return await self._encoded(Answer.refused(refused), head, scope)

    async def _executed(
        self, head: _Head, message: Message, scope: Scope, receive: Receive, started: float
    ) -> Answer | None:
        context: Context | None = None
        try:
            context = await self._contexts.of_caller(scope, head.text(b"authorization"))
            operation = self._operation(message, context, started)
            if operation is None:
                return None
            await self._pipeline.admit(operation, context)
            # A mutation is finished also where its client has left: with its key the client learns the result.
            gone = partial(disconnected, receive) if operation.type is OperationType.QUERY else None
            return await self._pipeline.answer(operation, context, gone)
        except Exception as error:  # noqa: BLE001 - masked and logged
            return self._pipeline.refuse(error, request_id=None if context is None else context.request_id)

    def _operation(self, message: Message, context: Context, started: float) -> Operation | None:
        """The known operation that the body asks for; None for anything else."""
        body = message.get("body", b"")
        if message["type"] != "http.request" or message.get("more_body") or len(body) > BODY_BYTES_MAX:
            return None
        try:
            parameters = Parameters.of(orjson.loads(body))
        except (orjson.JSONDecodeError, Refused):
            return None
        operation = self._pipeline.known(parameters, context, started)
        return None if operation is None or operation.type is OperationType.SUBSCRIPTION else operation

    async def _encoded(self, answer: Answer, head: _Head, scope: Scope) -> Response:
        """The response with this answer."""
        status = answer.status if head.media == RESPONSE else answer.legacy_status
        origin = head.text(b"origin") if b"origin" in head.given else None
        allowed = origin if self._origins.allow(origin) else None
        constant = constant_headers(
            is_never_cached=True, is_https=scope["scheme"] == "https", is_page=False, allowed=allowed
        )
        varies = (b"Origin",) if self._origins else ()
        headers, body = [(b"content-type", _CONTENT_TYPES[head.media]), *constant], answer.body
        headers += [(name.encode(), value.encode()) for name, value in answer.headers.items()]
        if len(body) > BYTES_MIN:
            varies = (b"Accept-Encoding", *varies)
            coding = preferred(head.text(b"accept-encoding"))
            if coding is not None:
                body = await encoded(body, coding)
                headers.append((b"content-encoding", coding.encode()))
        read_by = reader.get()
        if read_by is not None and read_by.has_read:
            varies = (*varies, b"Accept-Language")
            headers.append((b"content-language", read_by.language.encode()))
        if varies:
            headers.append((b"vary", b", ".join(varies)))
        headers += [(b"content-length", b"%d" % len(body)), (b"x-request-id", request_id.get().encode())]
        return status, headers, body


def _head(scope: Scope) -> _Head | None:
    """What a request that may be a usual one says; None for all others."""
    if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != PATH or scope["query_string"]:
        return None
    given: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _READ:
            if name in given:
                return None
            given[name] = value
        elif name in _UNUSUAL:
            return None
    if b"authorization" not in given or not is_host(given.get(b"host", b"\n")):
        return None
    media = _media(given.get(b"accept"))
    is_read = is_json(given.get(b"content-type", b"").decode("latin-1"))
    return _Head(media, given) if is_read and media is not None else None


@lru_cache(maxsize=256)
def _media(accept: bytes | None) -> str | None:
    """The media type of the answer to a request with this Accept; None for one that is not JSON."""
    accepted = preference(None if accept is None else accept.decode("latin-1"))
    found = next((each for each in accepted if each not in {HTML, PARTS}), None)
    return found if found in _CONTENT_TYPES else None


def _again(message: Begun[Message], receive: Receive) -> Receive:
    """`receive` for the general way, with the message that was asked for already."""
    first: list[Begun[Message]] = [message]

    async def receive_again() -> Message:
        return await first.pop() if first else await receive()

    return receive_again
