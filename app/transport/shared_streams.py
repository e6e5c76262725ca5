"""One event stream for many operations (graphql-sse, single connection), for browsers without HTTP/2:

    PUT                                       201 and a token: a stream is reserved for the caller
    GET, with the token                       the stream
    POST of an operation, with the token      202; its answers come over the stream, under the id in its extensions
    DELETE ?operationId=…, with the token     200; the operation is ended

The token is sent as a header or as a parameter of the address. It is worth nothing to others than the caller who
reserved the stream, and known to one process only.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from graphql import OperationType
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from app.transport import errors
from app.transport.admission import Release, StreamSlots, admit_request
from app.transport.answers import Answer
from app.transport.context import OperationContext
from app.transport.deadlines import Deadline
from app.transport.documents import Operation
from app.transport.errors import Refused, Unauthenticated
from app.transport.event_stream import EventStream
from app.transport.framings import SHARED, Told
from app.transport.parameters import Parameters
from app.transport.pipeline import Pipeline
from app.transport.requests import check_stream, read_json
from app.transport.socket_operations import SocketOperation, SocketOperations

TOKEN_HEADER: Final = "x-graphql-event-stream-token"  # noqa: S105 - the name of a header
RESERVED_SECONDS: Final = 10.0
RESERVED_MAX: Final = 10_000
OPERATIONS_MAX: Final = 10
WAITING_MAX: Final = 32
"""Messages that the client has not read yet; more than the operations that may wait to add one."""
ID_LENGTH_MAX: Final = 128


def token_of(connection: HTTPConnection) -> str | None:
    """The token of the stream that a request is about; None for a request by itself."""
    given = connection.headers.get(TOKEN_HEADER)
    # Every request is asked: parameters are only read where the token may be among them.
    if given or b"token=" not in connection.scope["query_string"]:
        return given
    return given if "query" in connection.query_params else connection.query_params.get("token")


class SharedStream:
    """A reserved stream, and the operations whose answers it carries."""

    def __init__(self, caller: str, pipeline: Pipeline, subscriptions: StreamSlots) -> None:
        self.caller = caller
        self.token = secrets.token_urlsafe(32)
        self.is_connected = False
        self.operations = SocketOperations(OPERATIONS_MAX)
        self._pipeline = pipeline
        self._subscriptions = subscriptions
        self._messages: asyncio.Queue[Told] = asyncio.Queue(WAITING_MAX)
        self._is_over = False

    async def messages(self) -> AsyncGenerator[Told, None]:
        """What the client is told, without end."""
        while True:
            yield await self._messages.get()

    def start(self, id: str, operation: Operation, context: OperationContext) -> None:
        """Run the operation, and tell its answers."""

        async def run(one: SocketOperation) -> None:
            one.must_finish = operation.type is OperationType.MUTATION
            await self._run(one, operation, context)

        self.operations.start(id, run)

    async def end(self) -> None:
        """End the operations; one that must finish tells nobody."""
        self._is_over = True
        while not self._messages.empty():
            self._messages.get_nowait()
        await self.operations.end()

    async def _run(self, one: SocketOperation, operation: Operation, context: OperationContext) -> None:
        try:
            await self._tell_answers(one, operation, context)
        except Exception as error:  # noqa: BLE001 - masked and logged
            await self._tell(one, self._pipeline.refuse(error, request_id=context.request_id))
        self.operations.free(one)
        await self._tell(one, None)

    async def _tell_answers(self, one: SocketOperation, operation: Operation, context: OperationContext) -> None:
        own = context.for_operation()
        if operation.type is not OperationType.SUBSCRIPTION:
            await self._tell(one, await self._pipeline.answer(operation, own))
            return
        release = self._subscriptions.take(context)
        deadline = Deadline(None if context.expires_at is None else context.expires_at - time.time())
        try:
            async with deadline, aclosing(self._pipeline.events(operation, own)) as answers:
                async for answer in answers:
                    await self._tell(one, answer)
        except TimeoutError:
            if not deadline.is_expired:
                raise
            await self._tell(one, Answer.refused(Unauthenticated("the token has expired")))
        finally:
            release()

    async def _tell(self, one: SocketOperation, answer: Answer | None) -> None:
        """Waits while the client reads too slowly, until the hub ends the subscription as it ends others."""
        if not (one.is_left or self._is_over):
            await self._messages.put(Told(one.id, answer))


class SharedStreams:
    """The reserved streams of a process; `is_alone` is false where other processes answer under the same address."""

    def __init__(
        self, pipeline: Pipeline, subscriptions: StreamSlots, *, per_caller: int, body_seconds: float, is_alone: bool
    ) -> None:
        self._pipeline = pipeline
        self._subscriptions = subscriptions
        self._slots = StreamSlots("reserved streams", per_caller)
        self._body_seconds = body_seconds
        self._is_alone = is_alone
        self._streams: dict[str, tuple[SharedStream, Release]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def concern(self, request: Request) -> bool:
        """Whether the request is one of this protocol."""
        return request.method == "PUT" or token_of(request) is not None

    async def respond(self, request: Request, context: OperationContext) -> Response | EventStream:
        """The answer; Refused for a token that is not one of the caller's."""
        if request.method != "POST":  # an operation counts when it is read
            await admit_request(context)
        if request.method == "PUT":
            return self._reserve(context)
        stream = self._find(request, context)
        if request.method == "GET":
            return self._connect(stream, request, context)
        if request.method == "POST":
            return await self._start(stream, request, context)
        stream.operations.leave(_id_of(request.query_params.get("operationId")))
        return Response(status_code=200)

    def _reserve(self, context: OperationContext) -> Response:
        if not self._is_alone:
            message = "use GET or POST: no stream can be reserved where several processes answer"
            raise Refused("METHOD_NOT_ALLOWED", message, status=405, headers={"allow": "GET, POST"})
        if not context.is_authenticated:
            raise Unauthenticated("send an Authorization header with a bearer token")
        if len(self._streams) >= RESERVED_MAX:
            raise Refused(errors.UNAVAILABLE, "too many streams are reserved, try again later", status=503)
        release = self._slots.take(context)
        stream = SharedStream(context.caller, self._pipeline, self._subscriptions)
        self._streams[stream.token] = stream, release
        asyncio.get_running_loop().call_later(RESERVED_SECONDS, self._forget_unused, stream)
        return Response(stream.token, 201, media_type="text/plain")

    def _find(self, request: Request, context: OperationContext) -> SharedStream:
        stream, _ = self._streams.get(token_of(request) or "", (None, None))
        if stream is None or stream.caller != context.caller:
            raise Refused("NOT_FOUND", "reserve a stream by PUT first", status=404)
        return stream

    def _connect(self, stream: SharedStream, request: Request, context: OperationContext) -> EventStream:
        check_stream(request)
        if stream.is_connected:
            raise Refused(errors.BAD_REQUEST, "the stream is connected already", status=409)
        stream.is_connected = True
        return EventStream(stream.messages(), context.expires_at, lambda: self._forget(stream), SHARED)

    async def _start(self, stream: SharedStream, request: Request, context: OperationContext) -> Response:
        parameters = Parameters.of(await read_json(request, self._body_seconds))
        id = _id_of(parameters.extensions.get("operationId"))
        operation = await self._pipeline.prepare(parameters, context)
        if not stream.is_connected or stream.token not in self._streams:
            raise Refused(errors.BAD_REQUEST, "connect to the stream by GET first", status=409)
        if id in stream.operations:
            raise Refused(errors.BAD_REQUEST, "the operationId is in use", status=409)
        if stream.operations.are_too_many:
            raise Refused(errors.RATE_LIMITED, f"at most {OPERATIONS_MAX} operations at a time", status=429)
        stream.start(id, operation, context)
        return Response(status_code=202)

    def _forget_unused(self, stream: SharedStream) -> None:
        if not stream.is_connected:
            self._forget(stream)

    def _forget(self, stream: SharedStream) -> None:
        _, release = self._streams.pop(stream.token)
        release()
        task = asyncio.create_task(stream.end(), name="end of a shared stream")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _id_of(given: object) -> str:
    if not isinstance(given, str) or not 0 < len(given) <= ID_LENGTH_MAX:
        raise Refused(errors.BAD_REQUEST, f"operationId must be a string of 1 to {ID_LENGTH_MAX} characters")
    return given
