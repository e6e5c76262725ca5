"""The server around the application: listener, TLS, and the orderly stop."""

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

from app.runtime.settings import Settings, SettingsError
from app.web.app import create_app, drain
from app.web.protocols import protocols_of

# By default the kernel buffers up to 4 MB for each client that does not read.
SEND_BUFFER_BYTES: Final = 128 * 1024
HANDSHAKE_SECONDS: Final = 10.0
SWITCH_SECONDS: Final = 0.0001
_VERIFY: Final = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_log = structlog.get_logger("billing.server")


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; SettingsError for an address or certificates that cannot be used."""
    context = tls_of(settings)
    application = create_app(settings)
    config = config_of(settings, application, context)
    for asked_to_stop in (signal.SIGTERM, signal.SIGINT):
        # After an orderly stop uvicorn raises the signal again, which must not count as a failure.
        signal.signal(asked_to_stop, lambda *_: sys.exit(0))
    if context is not None:
        signal.signal(signal.SIGHUP, lambda *_: reload(context, settings))
    listener = _listener(config)
    listener.setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_BYTES)
    # Imported modules live as long as the process; without this, each full collection walks them for 0.1 s.
    gc.freeze()
    # The thread that compiles long documents gives the loop its turn this often; by default it is every 5 ms.
    sys.setswitchinterval(SWITCH_SECONDS)
    Draining(config, application).run(sockets=[listener])


def config_of(settings: Settings, application: Starlette, context: ssl.SSLContext | None = None) -> uvicorn.Config:
    """uvicorn's configuration for the listener of clients; TLS with a context."""
    http, socket = protocols_of(settings)
    return uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        loop="app.web.server:Loop",
        http=http,
        ws=socket,
        log_config=None,
        access_log=False,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.shutdown_timeout_seconds,
        ws_max_size=128 * 1024,
        ws_per_message_deflate=False,
        server_header=False,
        proxy_headers=False,
        ssl_context_factory=None if context is None else lambda _config, _default: context,
    )


def _listener(config: uvicorn.Config) -> socket:
    try:
        return config.bind_socket()
    except SystemExit:  # uvicorn has logged the reason
        address = f"{config.host}:{config.port}"
        raise SettingsError(f"BILLING_HOST or BILLING_PORT: cannot listen on {address}") from None


class Loop(uvloop.Loop):
    """uvloop's loop, with a deadline for TLS handshakes."""

    async def create_server(self, *args: Any, **options: Any) -> Any:
        """As uvloop does; uvicorn has no setting for this deadline, and the default is a minute."""
        if options.get("ssl") is not None:
            options["ssl_handshake_timeout"] = HANDSHAKE_SECONDS
        return await super().create_server(*args, **options)


class Draining(uvicorn.Server):
    """A server that first reports "not ready" to load balancers and ends subscriptions, which would delay the stop."""

    def __init__(self, config: uvicorn.Config, application: Starlette) -> None:
        super().__init__(config)
        self._application = application

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """End streams, stop accepting, and let requests finish within the time limit."""
        await drain(self._application)
        await super().shutdown(sockets)


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """The TLS context of the listener; None for plain HTTP. SettingsError for a file that cannot be used."""
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
        raise SettingsError(_message("BILLING_TLS_CERTIFICATE_FILE or _KEY_FILE", certificate, error)) from None
    if authority is None:
        return
    try:
        context.load_verify_locations(authority)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(_message("BILLING_TLS_CLIENT_CA_FILE", authority, error)) from None


def _message(name: str, path: Path, error: OSError) -> str:
    return f"{name}: cannot use {path}: {error.strerror or type(error).__name__}"


def reload(context: ssl.SSLContext, settings: Settings) -> None:
    """Load renewed certificates for new handshakes; invalid files are logged and ignored."""
    try:
        _load(context, settings)
    except SettingsError as error:
        _log.error("certificates_refused", reason=str(error), effect="the old certificates remain in use")
    else:
        _log.info("certificates_reloaded")
