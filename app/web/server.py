"""The server around the application: listeners, signals and TLS."""

import gc
import signal
import sys
from collections.abc import Callable
from functools import partial
from socket import SO_SNDBUF, SOL_SOCKET, socket
from typing import Any, Final

import structlog
import uvicorn
import uvloop

from app.runtime.certificates import Certificates
from app.runtime.settings import Settings, SettingsError
from app.telemetry.shared import SharedBytes
from app.web.app import create_app
from app.web.combined_admin import create_combined_app
from app.web.connection import certificate_of
from app.web.heartbeats import Heartbeats
from app.web.stopping import BeatingServer, StoppingServer, admin_config
from app.web.workers import ADMIN, Place, Workers, listening

# By default the kernel buffers up to 4 MB for each client that does not read.
SEND_BUFFER_BYTES: Final = 128 * 1024
HANDSHAKE_SECONDS: Final = 10.0
COLLECTED_AFTER: Final = (20_000, 20, 50)
"""So many new objects until the collector looks at them, and so many looks until it looks at older ones.

Requests leave no cycles (`tests/graphql/test_garbage.py`), so it finds next to nothing; eight lists at a time are some
20,000 objects, and to look at so many takes 2 to 4 ms.
"""
SWITCH_SECONDS: Final = 0.0001
KEPT_BYTES_EACH: Final = 8 * 1024 * 1024
"""For the metrics of a worker, which are 0.6 MB once every operation was counted; only what is written takes memory."""
LISTENER: Final = "BILLING_HOST or BILLING_PORT"
ADMIN_LISTENER: Final = "BILLING_ADMIN_HOST or BILLING_ADMIN_PORT"
_log = structlog.get_logger("billing.server")


def serve(settings: Settings, *, workers: int = 1) -> None:
    """Serve until SIGTERM or Ctrl-C; SettingsError for an address or certificates that cannot be used.

    `workers` processes share the port, if `check` allows it; this one looks after them and exits with their code.
    """
    if workers == 1:
        _serve(settings, None, None, None)
        return
    # What would stop each worker stops this process instead, with one line; keys of the development mode are made once.
    create_app(settings)
    listeners = listening(settings.host, settings.port, workers, LISTENER)
    (admin,) = listening(settings.admin_host, settings.admin_port or 0, 1, ADMIN_LISTENER)
    heartbeats = Heartbeats(workers)
    places: dict[int, Place] = {}
    ports: list[int] = []
    for number, listener in enumerate(listeners):
        (own,) = listening("127.0.0.1", 0, 1, ADMIN_LISTENER)
        ports.append(own.getsockname()[1])
        # A question that comes before the worker can answer waits.
        own.listen()
        places[number] = Place(
            partial(_serve, settings, listener, own, partial(heartbeats.beat, number)), (listener, own)
        )
    kept = SharedBytes(workers * KEPT_BYTES_EACH)
    places[ADMIN] = Place(partial(_serve_admin, settings, ports, admin, kept, heartbeats), (admin,))
    _collect_what_is_new()
    sys.exit(Workers(places, heartbeats).run())


def _collect_what_is_new() -> None:
    """Imported modules live as long as the process; without this, each full collection walks them for 0.1 s."""
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)
    gc.enable()


def _serve_admin(
    settings: Settings, ports: list[int], listener: socket, kept: SharedBytes, heartbeats: Heartbeats
) -> None:
    """Answer for all workers, until the parent ends."""
    server = BeatingServer(admin_config(create_combined_app(ports, kept, heartbeats), settings))
    server.beat = partial(heartbeats.beat, ADMIN)
    server.run(sockets=[listener])


def _serve(settings: Settings, listener: socket | None, admin: socket | None, beat: Callable[[], None] | None) -> None:
    # Until there is something to reload it must not end the process.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for asked_to_stop in (signal.SIGTERM, signal.SIGINT):
        # After an orderly stop uvicorn raises the signal again, which must not count as a failure.
        signal.signal(asked_to_stop, lambda *_: sys.exit(0))
    application = create_app(settings, is_alone=listener is None)
    certificates: Certificates = application.state.process.certificates
    server = StoppingServer(settings, application, certificates.listener)
    server.beat = beat
    listener = listener or _listener(server.config, LISTENER)
    listener.setsockopt(SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_BYTES)
    if server.admin is not None:
        server.admin_sockets = [admin or _listener(server.admin.config, ADMIN_LISTENER)]
    _collect_what_is_new()
    # The thread that compiles long documents gives the loop its turn this often; by default it is every 5 ms.
    sys.setswitchinterval(SWITCH_SECONDS)
    signal.signal(signal.SIGHUP, lambda *_: reload(server, certificates))
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
