"""The server around the application: its listener, TLS, the deadline of a request's head, and the orderly stop."""

import asyncio
import gc
import signal
import ssl
import sys
from pathlib import Path
from socket import SO_SNDBUF, SOL_SOCKET, socket
from typing import Any, Final

import structlog
import uvicorn
import uvloop
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.runtime.settings import Settings, SettingsError
from app.web.app import create_app, drain

# Left alone, the kernel keeps up to 4 MB for each client that does not read.
SEND_BUFFER_BYTES: Final = 128 * 1024
HEAD_BYTES_MAX: Final = 64 * 1024
HANDSHAKE_SECONDS: Final = 10.0
SWITCH_SECONDS: Final = 0.0001
_VERIFY: Final = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_TOO_SLOW: Final = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 16\r\n"
    b"connection: close\r\n\r\nheaders too slow"
)
_TOO_LONG: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 16\r\nconnection: close\r\n\r\nheaders too long"
)
_log = structlog.get_logger("billing.server")


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; SettingsError for certificates that cannot be used."""
    context = tls_of(settings)
    application = create_app(settings)
    config = uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        loop="app.web.server:Loop",
        http=protocol_of(settings),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=settings.shutdown_timeout_seconds,
        limit_concurrency=settings.connections_max,
        ws_max_size=128 * 1024,
        ws_per_message_deflate=False,
        server_header=False,
        ssl_context_factory=None if context is None else lambda _config, _default: context,
    )
    for asked_to_stop in (signal.SIGTERM, signal.SIGINT):
        # After an orderly stop uvicorn raises the signal again: that is the end, and not a failure.
        signal.signal(asked_to_stop, lambda *_: sys.exit(0))
    if context is not None:
        signal.signal(signal.SIGHUP, lambda *_: reload(context, settings))
    listener = config.bind_socket()
    listener.setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_BYTES)
    # What was imported lives as long as the process: the collector need not walk it, which takes a tenth of a second.
    gc.freeze()
    # How long a thread that reads a document may keep the loop waiting at a time.
    sys.setswitchinterval(SWITCH_SECONDS)
    Draining(config, application).run(sockets=[listener])


class Loop(uvloop.Loop):
    """uvloop's, in which whoever opens a TLS connection must get through the handshake in time."""

    async def create_server(self, *args: Any, **options: Any) -> Any:
        """As the loop's own; uvicorn has no setting for this deadline, and a minute is the usual one."""
        if options.get("ssl") is not None:
            options["ssl_handshake_timeout"] = HANDSHAKE_SECONDS
        return await super().create_server(*args, **options)


class Draining(uvicorn.Server):
    """A server that tells load balancers and ends subscriptions first, so that they do not hold up the stop."""

    def __init__(self, config: uvicorn.Config, application: Starlette) -> None:
        super().__init__(config)
        self._application = application

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """End streams, stop accepting, let requests finish within the time limit."""
        await drain(self._application)
        await super().shutdown(sockets)


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """The TLS of the listener; None where it speaks plain HTTP. SettingsError for a file that cannot be used."""
    if settings.tls_certificate_file is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = _VERIFY[settings.tls_client_certificates]
    context.set_alpn_protocols(["http/1.1"])
    _load(context, settings)
    return context


def _load(context: ssl.SSLContext, settings: Settings) -> None:
    certificate, authority = settings.tls_certificate_file, settings.tls_client_ca_file
    assert certificate is not None  # noqa: S101 - there is a context only with a certificate
    try:
        context.load_cert_chain(certificate, settings.tls_key_file)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(_line("BILLING_TLS_CERTIFICATE_FILE or _KEY_FILE", certificate, error)) from None
    if authority is None:
        return
    try:
        context.load_verify_locations(authority)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(_line("BILLING_TLS_CLIENT_CA_FILE", authority, error)) from None


def _line(name: str, path: Path, error: OSError) -> str:
    return f"{name}: cannot use {path}: {error.strerror or type(error).__name__}"


def reload(context: ssl.SSLContext, settings: Settings) -> None:
    """Take renewed certificates from their files, for handshakes from now on; wrong ones are told and left."""
    try:
        _load(context, settings)
    except SettingsError as error:
        _log.error("certificates_refused", reason=str(error), effect="the old ones stay")
    else:
        _log.info("certificates_reloaded")


def protocol_of(settings: Settings) -> type[asyncio.Protocol]:
    """uvicorn's protocol with a deadline for a request's head, which also tells the application of a certificate."""

    class Guarded(_Guarded):
        head_seconds = settings.header_timeout_seconds
        send_seconds = settings.send_timeout_seconds

    return Guarded


class _Guarded(HttpToolsProtocol):
    """One connection: a client has `head_seconds` for the head of a request, and `send_seconds` to take an answer."""

    head_seconds: float
    send_seconds: float
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _running: RequestResponseCycle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        # The state of every request and socket of this connection begins as a copy of this.
        certificate = _certificate(transport)
        self.app_state = {**self.app_state, "client_certificate": certificate}
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._forget()
        self._tell_gone()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client reads more slowly than it is sent to; if that lasts, it is let go with what it has."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.send_seconds, self._let_go)

    def resume_writing(self) -> None:
        self._forget()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """An idle connection is closed; one that still has an answer to take would otherwise keep it for ever."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(self.send_seconds, self._let_go)

    def _let_go(self) -> None:
        self._tell_gone()
        self.transport.abort()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _tell_gone(self) -> None:
        """uvicorn tells the last request that came of the lost connection; here it is told to the one being answered,
        which is another where a client sent several at once, and which would write to a closed connection."""
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()

    def _forget(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def data_received(self, data: bytes) -> None:
        if self._is_between_requests():
            self._arm()
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX and b"\r\n\r\n" not in data:
                self._end(_TOO_LONG)
                return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._disarm()
        self._head_bytes = 0
        super().on_headers_complete()

    def _is_between_requests(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _arm(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.head_seconds, self._end, _TOO_SLOW)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self, answer: bytes) -> None:
        self._disarm()
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()


def _certificate(transport: asyncio.BaseTransport) -> bytes | None:
    """The client's verified certificate (DER), if it sent one."""
    found: Any = transport.get_extra_info("ssl_object")
    certificate: bytes | None = None if found is None else found.getpeercert(binary_form=True)
    return certificate
