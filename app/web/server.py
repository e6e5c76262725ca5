"""The server around the application: listener, TLS, and the orderly stop."""

import gc
import signal
import sys
from socket import SO_SNDBUF, SOL_SOCKET, socket
from typing import Any, Final

import structlog
import uvicorn
import uvloop
from starlette.applications import Starlette

from app.runtime.certificates import Certificates
from app.runtime.settings import Settings, SettingsError
from app.web.app import create_app, drain
from app.web.connection import certificate_of, protocol_of

# By default the kernel buffers up to 4 MB for each client that does not read.
SEND_BUFFER_BYTES: Final = 128 * 1024
HANDSHAKE_SECONDS: Final = 10.0
SWITCH_SECONDS: Final = 0.0001
_log = structlog.get_logger("billing.server")


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; SettingsError for an address or certificates that cannot be used."""
    application = create_app(settings)
    certificates: Certificates = application.state.process.certificates
    context = certificates.listener
    config = uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        loop="app.web.server:Loop",
        http=protocol_of(settings),
        log_config=None,
        access_log=False,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.shutdown_timeout_seconds,
        limit_concurrency=settings.connections_max,
        ws_max_size=128 * 1024,
        ws_per_message_deflate=False,
        server_header=False,
        ssl_context_factory=None if context is None else lambda _config, _default: context,
    )
    for asked_to_stop in (signal.SIGTERM, signal.SIGINT):
        # After an orderly stop uvicorn raises the signal again, which must not count as a failure.
        signal.signal(asked_to_stop, lambda *_: sys.exit(0))
    listener = _listener(config)
    listener.setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_BYTES)
    # Imported modules live as long as the process; without this, each full collection walks them for 0.1 s.
    gc.freeze()
    # The thread that compiles long documents gives the loop its turn this often; by default it is every 5 ms.
    sys.setswitchinterval(SWITCH_SECONDS)
    server = Draining(config, application)
    signal.signal(signal.SIGHUP, lambda *_: reload(server, certificates))
    server.run(sockets=[listener])


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


def reload(server: uvicorn.Server, certificates: Certificates) -> None:
    """Read every TLS file again, and end the connections of the callers who are gone with the old ones."""
    before = certificates.callers
    if not certificates.reload():
        return
    for connection in list(server.server_state.connections):
        der = certificate_of(connection.transport)
        if der is not None and certificates.is_gone(der, before):
            connection.transport.abort()
            _log.info("connection_ended", reason="its client certificate is no longer accepted")
