"""The server around the application: listeners, signals and TLS."""

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

from app.runtime.settings import Settings, SettingsError
from app.web.app import create_app
from app.web.stopping import StoppingServer

# By default the kernel buffers up to 4 MB for each client that does not read.
SEND_BUFFER_BYTES: Final = 128 * 1024
HANDSHAKE_SECONDS: Final = 10.0
SWITCH_SECONDS: Final = 0.0001
_VERIFY: Final = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_log = structlog.get_logger("billing.server")


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; SettingsError for an address or certificates that cannot be used."""
    context = tls_of(settings)
    for asked_to_stop in (signal.SIGTERM, signal.SIGINT):
        # After an orderly stop uvicorn raises the signal again, which must not count as a failure.
        signal.signal(asked_to_stop, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, lambda *_: reload(context, settings))
    server = StoppingServer(settings, create_app(settings), context)
    listener = _listener(server.config, "BILLING_HOST or BILLING_PORT")
    listener.setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_BYTES)
    if server.admin is not None:
        server.admin_sockets = [_listener(server.admin.config, "BILLING_ADMIN_HOST or BILLING_ADMIN_PORT")]
    # Imported modules live as long as the process; without this, each full collection walks them for 0.1 s.
    gc.freeze()
    # The thread that compiles long documents gives the loop its turn this often; by default it is every 5 ms.
    sys.setswitchinterval(SWITCH_SECONDS)
    server.run(sockets=[listener])


def _listener(config: uvicorn.Config, names: str) -> socket:
    try:
        return config.bind_socket()
    except SystemExit:  # uvicorn has logged the reason
        raise SettingsError(f"{names}: cannot listen on {config.host}:{config.port}") from None


class Loop(uvloop.Loop):
    """uvloop's loop, with a deadline for TLS handshakes."""

    async def create_server(self, *args: Any, **options: Any) -> Any:
        """As uvloop does; uvicorn has no setting for this deadline, and the default is a minute."""
        if options.get("ssl") is not None:
            options["ssl_handshake_timeout"] = HANDSHAKE_SECONDS
        return await super().create_server(*args, **options)


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


def reload(context: ssl.SSLContext | None, settings: Settings) -> None:
    """Load renewed certificates for new handshakes; invalid files are logged and ignored."""
    if context is None:
        _log.info("nothing_to_reload", reason="TLS is off")
        return
    try:
        _load(context, settings)
    except SettingsError as error:
        _log.error("certificates_refused", reason=str(error), effect="the old certificates remain in use")
    else:
        _log.info("certificates_reloaded")
