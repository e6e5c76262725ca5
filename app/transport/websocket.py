"""The graphql-transport-ws protocol: one Socket per connection, one context per operation, nothing said twice.

Malformed frames close the socket with 4400 and a reason, a refused or expired token with 4403. Mutations are refused:
a socket that breaks leaves the client in doubt whether one was done, where an HTTP request has an answer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import OperationType
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from app.transport import errors
from app.transport.documents import Parameters
from app.transport.errors import Answer, Refused, RequestError, Unauthenticated
from app.transport.operations import Operations, end_now, has_gone

PROTOCOL = "graphql-transport-ws"
_REASON_BYTES_MAX = 123
_ID_LENGTH_MAX = 128

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """What one connection may take."""

    init_seconds: float = 5.0
    operations_max: int = 10
    message_bytes_max: int = 128 * 1024
    send_seconds: float = 10.0


class Closing(Exception):
    """Ends the connection with a close code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:_REASON_BYTES_MAX].decode(errors="ignore")


class Socket:
    """One connection, from its upgrade to its end; everything it started has ended when `run` returns."""

    def __init__(
        self,
        websocket: WebSocket,
        operations: Operations,
        make_context: Callable[[HTTPConnection], Awaitable[Any]],
        limits: SocketLimits,
        enter: Callable[[Any], Callable[[], None]] = lambda _context: lambda: None,
    ) -> None:
        self._websocket = websocket
        self._operations = operations
        self._make_context = make_context
        self._limits = limits
        self._enter = enter
        self._leave: Callable[[], None] = lambda: None
        self._context: Any = None
        self._acknowledged = False
        self._running: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer = asyncio.timeout(limits.init_seconds)
        self._interruption: Closing | None = None

    def interrupt(self) -> None:
        """Close with 1012, which clients take as "connect again"; nothing is lost, since they have their cursors."""
        self._interruption = Closing(1012, "Service Restart")
        end_now(self._timer)

    async def run(self) -> None:
        """Serve until the client leaves, breaks the protocol, or its token expires."""
        if PROTOCOL not in self._websocket.scope["subprotocols"]:
            await self._websocket.accept()
            await self._close(Closing(4406, f"the subprotocol is {PROTOCOL}"))
            return
        await self._websocket.accept(PROTOCOL)
        try:
            async with self._timer:
                if self._interruption is not None:
                    end_now(self._timer)
                await self._serve()
        except Closing as closing:
            await self._close(closing)
        except TimeoutError:
            await self._close(self._interruption or self._timed_out())
        finally:
            self._leave()
            await self._end(list(self._tasks))

    async def _serve(self) -> None:
        try:
            self._context = await self._make_context(self._websocket)
        except Exception as error:  # noqa: BLE001 - masked and logged
            raise _closing_for(error, None) from None
        while (message := await self._received()) is not None:
            await self._handle(message)

    def _timed_out(self) -> Closing:
        if self._acknowledged:
            return Closing(4403, "Forbidden: the token has expired")
        return Closing(4408, "Connection initialisation timeout")

    async def _received(self) -> Message | None:
        frame = await self._websocket.receive()
        if frame["type"] == "websocket.disconnect":
            return None
        text = frame.get("text")
        if text is None:
            raise Closing(4400, "a message is a text frame")
        if len(text) > self._limits.message_bytes_max:
            raise Closing(4400, f"a message has at most {self._limits.message_bytes_max} bytes")
        return _decoded(text)

    async def _handle(self, message: Message) -> None:
        match message["type"]:
            case "connection_init":
                await self._init(message.get("payload"))
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                await self._start(_id(message), message.get("payload"))
            case "complete":
                task = self._running.pop(_id(message), None)
                await self._end([task] if task else [])
            case _:
                raise Closing(4400, "unknown message type")

    async def _init(self, payload: object) -> None:
        if self._acknowledged:
            raise Closing(4429, "Too many initialisation requests")
        token = self._token(payload)
        if not token and not getattr(self._context, "is_known", False):
            raise Closing(4403, "Forbidden: connection_init needs an authorization")
        try:
            if token:
                await self._context.authenticate(token)
            self._leave = self._enter(self._context)
        except Exception as error:  # noqa: BLE001 - masked and logged
            raise _closing_for(error, getattr(self._context, "request_id", None)) from None
        self._acknowledged = True
        self._timer.reschedule(self._expiry())
        await self._send({"type": "connection_ack"})

    def _token(self, payload: object) -> str | None:
        """The payload's `authorization`, else the upgrade's header."""
        given = {name.lower(): value for name, value in payload.items()} if isinstance(payload, dict) else {}
        token = given.get("authorization", self._websocket.headers.get("authorization"))
        return token if isinstance(token, str) else None

    def _expiry(self) -> float | None:
        expires_at = getattr(self._context, "expires_at", None)
        return None if expires_at is None else asyncio.get_running_loop().time() + expires_at - time.time()

    async def _start(self, id: str, payload: object) -> None:
        if not self._acknowledged:
            raise Closing(4401, "Unauthorized")
        if id in self._running:
            raise Closing(4409, f"Subscriber for {id} already exists")
        try:
            parameters = Parameters.of(payload)
        except Refused as refused:
            raise Closing(4400, refused.message) from None
        if len(self._running) >= self._limits.operations_max:
            await self._send_errors(id, self._operations.refuse(self._too_many()))
            return
        task = asyncio.create_task(self._operate(id, parameters))
        self._running[id] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _too_many(self) -> RequestError:
        return RequestError(errors.RATE_LIMITED, f"at most {self._limits.operations_max} operations at a time")

    async def _operate(self, id: str, parameters: Parameters) -> None:
        try:
            last = await self._run(id, parameters)
        except Exception as error:  # noqa: BLE001 - masked and logged
            last = self._operations.refuse(error, request_id=getattr(self._context, "request_id", None))
        self._running.pop(id, None)
        if last is None:
            await self._send({"id": id, "type": "complete"})
        else:
            await self._send_errors(id, last)

    async def _run(self, id: str, parameters: Parameters) -> Answer | None:
        """Send the results; the answer that ended the operation early, if one did."""
        operation = await self._operations.find(parameters, self._context)
        if operation.type is OperationType.MUTATION:
            raise RequestError(errors.NOT_SUPPORTED, "mutations are sent by HTTP POST")
        context = self._context.for_operation()
        if operation.type is OperationType.QUERY:
            return await self._sent(id, await self._operations.answer(operation, context))
        async with aclosing(self._operations.events(operation, context)) as answers:
            async for answer in answers:
                if ended := await self._sent(id, answer):
                    return ended
        return None

    async def _sent(self, id: str, answer: Answer) -> Answer | None:
        if answer.outcome == "rejected" or answer.ends:
            return answer
        await self._send_text(b'{"id":%b,"type":"next","payload":%b}' % (orjson.dumps(id), answer.body))
        return None

    async def _send_errors(self, id: str, answer: Answer) -> None:
        await self._send({"id": id, "type": "error", "payload": answer.errors})

    async def _send(self, message: Message) -> None:
        await self._send_text(orjson.dumps(message))

    async def _send_text(self, encoded: bytes) -> None:
        """Send one frame; a client that does not read for `send_seconds` loses the connection."""
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            async with asyncio.timeout(self._limits.send_seconds):
                await self._websocket.send({"type": "websocket.send", "text": encoded.decode()})
        except TimeoutError:
            end_now(self._timer)
        except WebSocketDisconnect:
            pass  # the loop that receives hears of it too

    async def _close(self, closing: Closing) -> None:
        """Say why and close; a client that does not read is simply left."""
        errors.logger.info("socket closed with %d", closing.code)
        is_reading = self._interruption is not None or not has_gone(self._timer)
        if self._websocket.application_state is WebSocketState.CONNECTED and is_reading:
            with suppress(TimeoutError, WebSocketDisconnect):
                async with asyncio.timeout(self._limits.send_seconds):
                    await self._websocket.close(closing.code, closing.reason)

    @staticmethod
    async def _end(tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _decoded(text: str) -> Message:
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Closing(4400, "a message is JSON") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise Closing(4400, "a message is an object with a type")
    if message["type"] != "subscribe" and not isinstance(message.get("payload"), dict | None):
        raise Closing(4400, "a payload is an object")
    return message


def _id(message: Message) -> str:
    id = message.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= _ID_LENGTH_MAX:
        raise Closing(4400, f"an id is a string of 1 to {_ID_LENGTH_MAX} characters")
    return id


def _closing_for(error: Exception, request_id: str | None) -> Closing:
    """Why a connection cannot begin: refused for good, to be tried again later, or a fault of ours."""
    if isinstance(error, Unauthenticated):
        return Closing(4403, f"Forbidden: {error.message}")
    refused = errors.refusal(error, request_id)
    if refused.code == errors.UNAVAILABLE:
        return Closing(1013, refused.message)
    if refused.code == errors.RATE_LIMITED:
        return Closing(4429, refused.message)
    return Closing(4500 if refused.code == errors.INTERNAL else 4403, refused.message)
