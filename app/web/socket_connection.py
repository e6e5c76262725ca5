"""A connection after its upgrade to a WebSocket: limits that uvicorn's protocol does not have."""

import asyncio
import http
import logging
from collections import deque
from email.utils import formatdate
from typing import Any, Final

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.frames import Frame
from websockets.http11 import Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import StatusLike

from app.transport import errors
from app.transport.answers import Answer
from app.transport.at_once import WRITE
from app.transport.errors import Refused
from app.transport.negotiation import JSON
from app.web import refusals
from app.web.open_connections import OpenConnections
from app.web.signal import Signal

# One message in more pieces than this serves no purpose, and an empty piece counts against no limit of bytes.
FRAGMENTS_MAX: Final = 1_000
_CODES: Final = {
    http.HTTPStatus.FORBIDDEN: errors.FORBIDDEN,
    http.HTTPStatus.REQUEST_URI_TOO_LONG: "HEADERS_TOO_LARGE",
    http.HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "HEADERS_TOO_LARGE",
}


class SocketConnection(WebSocketsSansIOProtocol):
    """A client that does not read is not read from either, and loses the connection after `send_seconds`."""

    send_seconds: float
    open_connections: OpenConnections
    conn: "_Handshake"
    _send_timer: asyncio.TimerHandle | None = None
    _early = b""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.queue = _Messages()
        self.conn = _Handshake(max_size=self.config.ws_max_size, logger=logging.getLogger("uvicorn.error"))
        self.writable = Signal()
        self.writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, WRITE: _Texts(self).write}

    def connection_lost(self, exc: Exception | None) -> None:
        self.open_connections.release(self.transport)
        self._stop_send_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """The first data is the whole head. What comes before the handshake is answered is read after it."""
        if not self.handshake_initiated:
            super().data_received(data)
            self._refuse_what_is_no_handshake()
        elif self.handshake_complete:
            super().data_received(data)
        else:
            self._early += data
            self._stop_reading()

    def _refuse_what_is_no_handshake(self) -> None:
        if not self.handshake_initiated and not self.transport.is_closing():
            refusal = b"".join(self.conn.data_to_send())
            self.transport.write(refusal or refusals.encoded(refusals.invalid("send a valid WebSocket handshake")))
            self.transport.close()

    def _begin_frames(self) -> None:
        """The handshake, which is 4 KiB, is not needed any more."""
        del self.request, self.response
        self.conn.begin_frames()
        self._read_early()

    def _read_early(self) -> None:
        early, self._early = self._early, b""
        if early and not self.transport.is_closing():
            if self.writable.is_set():
                self.transport.resume_reading()
            super().data_received(early)

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < FRAGMENTS_MAX:
            super().handle_cont(event)
        elif not self.transport.is_closing():
            self.conn.fail(1009, f"send at most {FRAGMENTS_MAX:,} fragments")
            self.handle_parser_exception()

    async def receive(self) -> Any:
        message = await super().receive()
        if not self.writable.is_set():
            self._stop_reading()
        return message

    async def send(self, message: Any) -> None:
        """As uvicorn does, but a connection that is being closed counts as lost."""
        if self.transport.is_closing() and message["type"] == "websocket.accept":
            self.handshake_complete = True
        elif self.transport.is_closing() and message["type"] == "websocket.send":
            raise ClientDisconnected
        else:
            await super().send(message)
            if self.handshake_complete and message["type"] == "websocket.accept":
                self._begin_frames()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stop_reading()
        self._send_timer = self.loop.call_later(self.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_send_timer()
        if not self.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()
        super().resume_writing()

    def send_500_response(self) -> None:
        """As uvicorn does, but an upgrade that a stop cuts off is worth another attempt."""
        if not self.initial_response and not self.handshake_complete:
            self.transport.write(refusals.encoded(refusals.Stopping()))

    def _stop_reading(self) -> None:
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def _stop_send_timer(self) -> None:
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None


class _Texts:
    """Writes text frames at once."""

    __slots__ = ("_conn", "_transport", "_writable")

    def __init__(self, socket: SocketConnection) -> None:
        self._conn, self._transport, self._writable = socket.conn, socket.transport, socket.writable

    def write(self, text: bytes) -> bool:
        """See `Write`."""
        if not self._writable.is_set() or self._transport.is_closing() or self._conn.state is not State.OPEN:
            return False
        self._transport.write(text_head(len(text)) + text)
        return True


def text_head(size: int) -> bytes:
    """The head of a text frame in one piece, not masked (RFC 6455, 5.2); websockets makes the same in ten times the
    time, and there is one for each subscriber and event."""
    if size < 126:
        return bytes((0x81, size))
    return b"\x81\x7e" + size.to_bytes(2) if size < 1 << 16 else b"\x81\x7f" + size.to_bytes(8)


class _Messages(asyncio.Queue[Any]):
    """As an asyncio.Queue, for one reader, without the 3 KiB that an empty one has: most sockets wait for hours."""

    def __init__(self) -> None:
        """The base class would make its own containers."""
        self._messages: deque[Any] | None = None
        self._reader: asyncio.Future[None] | None = None

    def empty(self) -> bool:
        """Whether there is no message."""
        return not self._messages

    def put_nowait(self, message: Any) -> None:
        """Add a message."""
        if self._messages is None:
            self._messages = deque()
        self._messages.append(message)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> Any:
        """The oldest message, as soon as there is one."""
        while not self._messages:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        message = self._messages.popleft()
        if not self._messages:
            self._messages = None
        return message


class _Handshake(ServerProtocol):
    """Refuses handshakes as the gateway refuses everything else."""

    def begin_frames(self) -> None:
        """Take another parser, before the first frame: that of the handshake holds the request for ever."""
        self.parser = self.parse()
        next(self.parser)

    def reject(self, status: StatusLike, text: str) -> Response:
        """The response that refuses a handshake with this status."""
        found = http.HTTPStatus(status)
        code = _CODES.get(found, errors.BAD_REQUEST)
        answer = Answer.refused(Refused(code, text.strip() or "this origin is not allowed", status=found.value))
        headers = {
            "Date": formatdate(usegmt=True),
            "Connection": "close",
            "Content-Length": str(len(answer.body)),
            "Content-Type": f"{JSON}; charset=utf-8",
        }
        return Response(found.value, found.phrase, Headers(headers), answer.body)
