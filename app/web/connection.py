"""One connection of a client: one request at a time, within its limits and deadlines."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from email.utils import formatdate
from functools import lru_cache
from typing import Any, Final

import httptools
import structlog
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.transport.at_once import ANSWER, WRITE
from app.transport.errors import Refused
from app.web import refusals
from app.web.framing import Framing
from app.web.open_connections import OpenConnections
from app.web.signal import Signal

# What a client may send in advance while a request of it is answered; then no more is read.
HELD_BYTES_MAX: Final = 64 * 1024
# What is read of a body after its request has been answered, so that the client can read the answer.
REST_BYTES_MAX: Final = 256 * 1024
LINGER_SECONDS: Final = 0.5
CLOSE: Final = (b"connection", b"close")
# Requests are parsed one at a time, so that none waits here.
_NO_PIPELINE: Final[deque[Any]] = deque(maxlen=0)
_log = structlog.get_logger("billing.server")


@lru_cache(maxsize=1)
def date_headers(second: int) -> list[tuple[bytes, bytes]]:
    """What each response begins with in this second (Unix time)."""
    return [(b"date", formatdate(second, usegmt=True).encode())]


class _Flow(FlowControl):
    """uvicorn resumes reading whenever the application waits for the client; not while enough is held."""

    is_holding = False

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self._is_writable_event = Signal()
        self._is_writable_event.set()

    def write_chunk(self, body: bytes) -> bool:
        """Write a chunk of a response that goes on, past all middleware; False, and nothing is written, for a client
        that reads too slowly or is gone."""
        if self.write_paused or self._transport.is_closing():
            return False
        self._transport.write(b"%x\r\n%b\r\n" % (len(body), body))
        return True

    def hold(self, *, is_holding: bool) -> None:
        """Stop or resume reading for the bytes that are held."""
        if is_holding != self.is_holding:
            self.is_holding = is_holding
            (self.pause_reading if is_holding else self.resume_reading)()

    def resume_reading(self) -> None:
        if not self.is_holding:
            super().resume_reading()


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, with limits: the next request is parsed when the one before has been answered.

    A client has `head_seconds` to send the head of a request, or the rest of one that is answered early, and
    `send_seconds` to read on.
    """

    head_seconds: float
    send_seconds: float
    open_connections: OpenConnections
    flow: _Flow
    _head_timer: asyncio.TimerHandle | None = None
    _send_timer: asyncio.TimerHandle | None = None
    _framing: Framing | None = None
    _rest_bytes = 0
    _is_refused = False
    _has_head_already = False

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._received = bytearray()
        self.pipeline = _NO_PIPELINE

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        flow = _Flow(transport)
        # uvicorn copies this into the state of every request and socket of the connection.
        state = {"client_certificate": certificate_of(transport), WRITE: flow.write_chunk, ANSWER: self.answer}
        self.app_state = {**self.app_state, **state}
        super().connection_made(transport)
        self.flow = flow
        if self.open_connections.take(transport, self.client):
            self._start_head_timer()
        else:
            transport.write(refusals.encoded(refusals.Overloaded()))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.open_connections.release(self.transport)
        self._stop_head_timer()
        self._stop_send_timer()
        super().connection_lost(exc)

    # Reading

    def data_received(self, data: bytes) -> None:
        if not self._is_refused:
            self._received += data
            self._read()

    def _read(self) -> None:
        """Parse what has arrived, up to the end of the request; the rest is held until the request is answered."""
        while self._received and not self._is_answering and not self._is_over:
            self._unset_keepalive_if_required()
            if self._framing is None:
                self._framing, self.cycle = Framing(), None  # type: ignore[assignment] # as uvicorn has it at first
                self._start_head_timer()
            self._parse(self._framing, self._framing.take(self._received))
        if not self._is_over:
            self.flow.hold(is_holding=len(self._received) > HELD_BYTES_MAX)

    @property
    def _is_answering(self) -> bool:
        return self._framing is not None and self._framing.is_complete

    @property
    def _is_over(self) -> bool:
        return self._is_refused or self.transport.is_closing()

    def _parse(self, framing: Framing, part: bytes) -> None:
        try:
            self.parser.feed_data(part)
        except httptools.HttpParserUpgrade:
            self._upgrade(framing)
            return
        except httptools.HttpParserError:
            if framing.is_complete:
                self._close_after_answer()
            else:
                self._refuse(refusals.too_large() if framing.is_too_large else refusals.invalid())
            return
        if framing.is_too_large:
            self._refuse(refusals.too_large())
        elif framing.is_complete and self.cycle.response_complete:
            self._finish()

    def _close_after_answer(self) -> None:
        """Another request was sent right after the last chunk, where the parser has lost its beginning."""
        self._received.clear()
        self.cycle.keep_alive = False
        if self.cycle.response_complete:
            self.transport.close()

    def _upgrade(self, framing: Framing) -> None:
        """The request asks for another protocol: a WebSocket, or one that is ignored, such as the HTTP/2 that Java's
        client asks for first."""
        if not self._should_upgrade():
            if framing.has_body:
                self._expect_body(framing)
        elif framing.has_body:
            self._refuse(refusals.invalid("send no body with an upgrade"))
        else:
            self._become_socket()

    def _expect_body(self, framing: Framing) -> None:
        """After an upgrade the parser knows of no body: it would take it for the next request. So another parser reads
        it, after a head that says nothing else."""
        self.parser = httptools.HttpRequestParser(self)
        self._has_head_already = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % framing.body_header)
        self._has_head_already = False

    def _become_socket(self) -> None:
        self._stop_send_timer()
        self.flow.hold(is_holding=False)
        self.handle_websocket_upgrade()
        protocol: Any = self.transport.get_protocol()
        early, self._received = bytes(self._received), bytearray()
        if early and not self.transport.is_closing():
            protocol.data_received(early)

    # Events of the parser

    def on_message_begin(self) -> None:
        if self._is_answering:
            raise ValueError("one request at a time")  # the parser stops
        if not self._has_head_already:
            super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._has_head_already:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._has_head_already:
            return
        assert self._framing is not None  # noqa: S101 - the parser is fed only with one
        self._framing.header(name.lower(), value)
        # Trailers are counted and dropped.
        if not self._framing.has_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._has_head_already:
            return
        assert self._framing is not None  # noqa: S101 - likewise
        if self._framing.is_too_large:
            raise ValueError("too large")  # the parser stops
        self._stop_head_timer()
        self._framing.head()
        self.server_state.default_headers = date_headers(int(time.time()))
        super().on_headers_complete()
        if self.cycle is not None:
            self.cycle.message_event = Signal()
            self.cycle.keep_alive = self.cycle.keep_alive and not self.open_connections.is_draining

    def on_body(self, body: bytes) -> None:
        assert self._framing is not None  # noqa: S101 - likewise
        self._framing.body(len(body))
        super().on_body(body)
        if self.cycle.response_complete:
            self._rest_bytes += len(body)
            if self._rest_bytes > REST_BYTES_MAX:
                self._linger()

    def on_message_complete(self) -> None:
        assert self._framing is not None  # noqa: S101 - likewise
        if self.parser.should_upgrade() and self._framing.has_body:
            return  # only for this parser: see _upgrade
        self._framing.is_complete = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._is_answering:
            self._finish()
        elif not self.transport.is_closing():
            self._rest_bytes = 0
            self._head_timer = self.loop.call_later(self.head_seconds, self._linger)

    def _finish(self) -> None:
        """The request has come and been answered; go on with what is held."""
        self._stop_head_timer()
        self._framing = None
        self._read()
        if self._framing is None and not self._is_over:
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    # Writing

    def answer(self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> bool:
        """Write the whole response to the request, as uvicorn does from two messages; False, and nothing is written,
        for a client that reads too slowly or is gone. The headers name the length of the body."""
        cycle: RequestResponseCycle = self.cycle
        if cycle.response_started or cycle.disconnected or self.flow.write_paused:
            return False
        if not cycle.keep_alive and CLOSE not in headers:
            headers = [*headers, CLOSE]
        head = _head_of(status, [*cycle.default_headers, *headers])
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.keep_alive = cycle.keep_alive and CLOSE not in headers
        self.transport.write(b"%b\r\n%b" % (head, body))
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        return True

    # Deadlines

    def pause_writing(self) -> None:
        """The client reads too slowly, so that the send buffer is full; if it stays full, the connection is cut."""
        super().pause_writing()
        self._send_timer = self.loop.call_later(self.send_seconds, self._abort)

    def resume_writing(self) -> None:
        self._stop_send_timer()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """uvicorn closes an idle connection, but waits for unread answers without end; here that wait is limited."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(self.send_seconds, self._abort)

    def _start_head_timer(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self._end_slow_head)

    def _end_slow_head(self) -> None:
        self._refuse(refusals.too_slow(self.head_seconds))

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_send_timer(self) -> None:
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None

    # The end

    def _refuse(self, refused: Refused) -> None:
        """Answer and close; where another answer has begun, only close."""
        if self._is_refused or self.transport.is_closing():
            return
        _log.info("request_refused", code=refused.code, reason=refused.message)
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and cycle.response_started:
            self._abort()
            return
        self._report_disconnect()
        self.transport.write(refusals.encoded(refused))
        self._linger()

    def _linger(self) -> None:
        """Drop what still comes for a while: a connection that is closed before everything is read is reset, and the
        client loses the answer."""
        self._is_refused = True
        self._stop_head_timer()
        self._received.clear()
        self.flow.hold(is_holding=False)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _abort(self) -> None:
        self._report_disconnect()
        self.transport.abort()

    def _report_disconnect(self) -> None:
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()


def _head_of(status: int, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The status line and the headers; RuntimeError for one that is more than a line."""
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    if not lines.count(b"\n") == lines.count(b"\r") == len(headers):
        raise RuntimeError("a header is more than a line")
    return STATUS_LINE[status] + lines


def certificate_of(transport: asyncio.BaseTransport) -> bytes | None:
    """The client's verified certificate (DER), if it sent one."""
    found: Any = transport.get_extra_info("ssl_object")
    certificate: bytes | None = None if found is None else found.getpeercert(binary_form=True)
    return certificate
