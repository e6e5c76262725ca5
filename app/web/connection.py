"""One connection of a client: the deadlines for sending a request and for reading the answer, and its certificate."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.runtime.settings import Settings

HEAD_BYTES_MAX: Final = 64 * 1024
_TOO_SLOW: Final = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 16\r\n"
    b"connection: close\r\n\r\nheaders too slow"
)
_TOO_LONG: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 16\r\nconnection: close\r\n\r\nheaders too long"
)


def protocol_of(settings: Settings) -> type[asyncio.Protocol]:
    """uvicorn's protocol with deadlines, which also passes the client's certificate to the application."""

    class Guarded(_Guarded):
        head_seconds = settings.header_timeout_seconds
        send_seconds = settings.send_timeout_seconds

    return Guarded


class _Guarded(HttpToolsProtocol):
    """One connection: a client has `head_seconds` to send the head of a request, and `send_seconds` to read on."""

    head_seconds: float
    send_seconds: float
    _head_timer: asyncio.TimerHandle | None = None
    _send_timer: asyncio.TimerHandle | None = None
    _running: RequestResponseCycle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        # uvicorn copies this into the state of every request and socket of the connection.
        certificate = certificate_of(transport)
        self.app_state = {**self.app_state, "client_certificate": certificate}
        super().connection_made(transport)
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        self._stop_send_timer()
        self._report_disconnect()
        super().connection_lost(exc)

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

    def _abort(self) -> None:
        self._report_disconnect()
        self.transport.abort()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _report_disconnect(self) -> None:
        """Report the lost connection to the request that is being answered. uvicorn reports it to the last one that
        arrived, which differs where a client pipelines requests; the first would write to a closed connection."""
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()

    def _stop_send_timer(self) -> None:
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None

    def data_received(self, data: bytes) -> None:
        if self._is_between_requests():
            self._start_head_timer()
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX and b"\r\n\r\n" not in data:
                self._end(_TOO_LONG)
                return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._stop_head_timer()
        self._head_bytes = 0
        super().on_headers_complete()

    def _is_between_requests(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _start_head_timer(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self._end, _TOO_SLOW)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _end(self, answer: bytes) -> None:
        self._stop_head_timer()
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()


def certificate_of(transport: asyncio.BaseTransport) -> bytes | None:
    """The client's verified certificate (DER), if it sent one."""
    found: Any = transport.get_extra_info("ssl_object")
    certificate: bytes | None = None if found is None else found.getpeercert(binary_form=True)
    return certificate
