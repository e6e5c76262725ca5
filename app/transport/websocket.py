"""The WebSocket door of the pipeline: the graphql-transport-ws protocol, one Socket per connection.

Malformed frames close the socket with 4400 and a reason, a refused or expired token with 4403. A mutation that has
begun is finished, as over HTTP, even if its client sends `complete` or goes.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Final

import orjson
from graphql import OperationType
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from app.transport import errors
from app.transport.admission import Release, StreamSlots, admit_request
from app.transport.answers import Answer
from app.transport.at_once import writer
from app.transport.begun import within
from app.transport.context import OperationContext
from app.transport.deadlines import Deadline
from app.transport.documents import Operation
from app.transport.errors import Refused, RequestError
from app.transport.frames import Closing, Message, closing_for, decode, id_of
from app.transport.parameters import Parameters
from app.transport.pipeline import Pipeline
from app.transport.socket_operations import SocketOperation, SocketOperations
from app.values.frozen import frozen

PROTOCOL: Final = "graphql-transport-ws"


@frozen
class SocketLimits:
    """How much time, how many operations and how large messages one connection may have."""

    init_seconds: float = 5.0
    operations_max: int = 10
    message_bytes_max: int = 128 * 1024
    send_seconds: float = 10.0


class Socket:
    """One connection, from its upgrade to its end; when `run` returns, every operation has ended too."""

    def __init__(
        self,
        websocket: WebSocket,
        pipeline: Pipeline,
        make_context: Callable[[HTTPConnection], Awaitable[OperationContext]],
        limits: SocketLimits,
        sockets: StreamSlots,
        subscriptions: StreamSlots,
    ) -> None:
        self._websocket = websocket
        self._write = writer(websocket.scope)
        self._pipeline = pipeline
        self._make_context = make_context
        self._limits = limits
        self._sockets = sockets
        self._subscriptions = subscriptions
        self._release_slot: Release = lambda: None
        self._is_acknowledged = False
        self._operations = SocketOperations(limits.operations_max)
        self._deadline = Deadline(limits.init_seconds)
        self._interruption: Closing | None = None

    def interrupt(self) -> None:
        """Close with 1012, on which clients reconnect; nothing is lost, since they continue after their cursors."""
        self._interruption = Closing(1012, "Service Restart")
        self._deadline.expire()

    async def run(self) -> None:
        """Serve until the client disconnects or breaks the protocol, or its token expires."""
        if PROTOCOL not in self._websocket.scope["subprotocols"]:
            await self._websocket.accept()
            await self._close(Closing(4406, f"use the subprotocol {PROTOCOL}"))
            return
        await self._websocket.accept(PROTOCOL)
        try:
            async with self._deadline:
                await self._serve()
        except Closing as closing:
            await self._close(closing)
        except TimeoutError:
            await self._operations.finish()
            await self._close(self._interruption or self._timed_out())
        finally:
            await self._operations.end()
            self._release_slot()

    async def _serve(self) -> None:
        try:
            context = await self._make_context(self._websocket)
        except Exception as error:  # noqa: BLE001 - masked and logged
            raise closing_for(error, None) from None
        while (message := await self._received()) is not None:
            await self._handle(message, context)
            del message  # most sockets wait for hours after it

    def _timed_out(self) -> Closing:
        if self._is_acknowledged:
            return Closing(4403, "Forbidden: the token has expired")
        return Closing(4408, "Connection initialisation timeout")

    async def _received(self) -> Message | None:
        frame = await self._websocket.receive()
        if frame["type"] == "websocket.disconnect":
            return None
        text = frame.get("text")
        if text is None:
            raise Closing(4400, "send text frames")
        if len(text) > self._limits.message_bytes_max:
            raise Closing(4400, f"send at most {self._limits.message_bytes_max:,} bytes per message")
        return decode(text)

    async def _handle(self, message: Message, context: OperationContext) -> None:
        match message["type"]:
            case "connection_init":
                await self._init(message.get("payload"), context)
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                await self._start(id_of(message), message.get("payload"), context)
            case "complete":
                self._operations.leave(id_of(message))
            case _:
                raise Closing(4400, "unknown message type")

    async def _init(self, payload: object, context: OperationContext) -> None:
        if self._is_acknowledged:
            raise Closing(4429, "Too many initialisation requests")
        token = self._token(payload)
        if not token and not context.is_authenticated:
            raise Closing(4403, "Forbidden: send an authorization in connection_init")
        try:
            if token:
                await context.authenticate(token)
            self._release_slot = self._sockets.take(context)
        except Exception as error:  # noqa: BLE001 - masked and logged
            raise closing_for(error, context.request_id) from None
        self._is_acknowledged = True
        # Nobody reads them again, and browsers and proxies send some kilobytes.
        self._websocket.scope["headers"].clear()
        self._deadline.reschedule(_seconds_left(context))
        await self._send({"type": "connection_ack"})

    def _token(self, payload: object) -> str | None:
        """The payload's `authorization`, else the upgrade's header."""
        given = {name.lower(): value for name, value in payload.items()} if isinstance(payload, dict) else {}
        token = given.get("authorization", self._websocket.headers.get("authorization"))
        return token if isinstance(token, str) else None

    async def _start(self, id: str, payload: object, context: OperationContext) -> None:
        if not self._is_acknowledged:
            raise Closing(4401, "Unauthorized")
        if id in self._operations:
            raise Closing(4409, f"Subscriber for {id} already exists")
        try:
            parameters = Parameters.of(payload)
        except Refused as refused:
            raise Closing(4400, refused.message) from None
        if self._operations.are_too_many:
            await self._send_errors(id, await self._refused(context))
            return
        self._operations.start(id, lambda operation: self._operate(operation, parameters, context))

    async def _refused(self, context: OperationContext) -> Answer:
        """The answer to an operation beyond those that may run at a time. It counts against its caller's rate as any
        request does, and the socket reads nothing else meanwhile."""
        error: Exception = RequestError(
            errors.RATE_LIMITED, f"at most {self._limits.operations_max} operations at a time"
        )
        try:
            await admit_request(context)
        except Exception as over:  # noqa: BLE001 - masked and logged
            error = over
        return self._pipeline.refuse(error, request_id=context.request_id)

    async def _operate(self, one: SocketOperation, parameters: Parameters, context: OperationContext) -> None:
        try:
            operation = await self._pipeline.prepare(parameters, context)
            del parameters  # a copy of the document
            last = None if one.is_left else await self._run(one, operation, context)
        except Exception as error:  # noqa: BLE001 - masked and logged
            last = self._pipeline.refuse(error, request_id=context.request_id)
        self._operations.free(one)
        if one.is_left:
            return
        if last is None:
            await self._send({"id": one.id, "type": "complete"})
        else:
            await self._send_errors(one.id, last)

    async def _run(self, one: SocketOperation, operation: Operation, context: OperationContext) -> Answer | None:
        """Send the results; gives the answer that ended the operation early, if one did."""
        own = context.for_operation()
        if operation.type is not OperationType.SUBSCRIPTION:
            one.must_finish = operation.type is OperationType.MUTATION
            return await self._send_answer(one, await self._pipeline.answer(operation, own))
        release = self._subscriptions.take(context)
        try:
            async with aclosing(self._pipeline.events(operation, own)) as answers:
                async for answer in answers:
                    if last := await self._send_answer(one, answer):
                        return last
        finally:
            release()
        return None

    async def _send_answer(self, one: SocketOperation, answer: Answer) -> Answer | None:
        """Send it as `next`; one that ends the operation is given back instead, to be sent as `error`."""
        if answer.is_refusal or answer.is_last:
            return answer
        if not one.is_left:
            await self._send_text(b'{"id":%b,"type":"next","payload":%b}' % (orjson.dumps(one.id), answer.body))
        return None

    async def _send_errors(self, id: str, answer: Answer) -> None:
        await self._send({"id": id, "type": "error", "payload": answer.errors})

    async def _send(self, message: Message) -> None:
        await self._send_text(orjson.dumps(message))

    async def _send_text(self, encoded: bytes) -> None:
        """Send one frame; a client that does not read for `send_seconds` loses the connection."""
        if self._websocket.application_state is not WebSocketState.CONNECTED or self._write(encoded):
            return
        try:
            message = {"type": "websocket.send", "text": encoded.decode()}
            await within(self._limits.send_seconds, self._websocket.send(message))
        except TimeoutError:
            self._deadline.expire()
        except WebSocketDisconnect:
            pass  # the loop that receives ends on it too

    async def _close(self, closing: Closing) -> None:
        """Close with the reason; a client that does not read is left without one."""
        errors.logger.info("socket closed with %d", closing.code)
        is_reading = self._interruption is not None or not self._deadline.is_early
        if self._websocket.application_state is WebSocketState.CONNECTED and is_reading:
            with suppress(TimeoutError, WebSocketDisconnect):
                async with asyncio.timeout(self._limits.send_seconds):
                    await self._websocket.close(closing.code, closing.reason)


def _seconds_left(context: OperationContext) -> float | None:
    """For how long the caller's token is valid; None for ever."""
    return None if context.expires_at is None else context.expires_at - time.time()
