"""The server of both listeners, and its orderly stop: first unready, then without streams, then without requests."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from socket import socket
from types import FrameType
from typing import Any, Final

import structlog
import uvicorn
from starlette.applications import Starlette

from app.runtime.settings import Settings
from app.web.app import announce_stop, create_admin_app, drain
from app.web.protocols import admin_protocols_of, protocols_of

POLL_SECONDS: Final = 0.05
# A commit that has begun may end, and its request is told that it was cut off.
CUT_OFF_SECONDS: Final = 3
LAST_SECONDS: Final = 1
_log = structlog.get_logger("billing.server")


class BeatingServer(uvicorn.Server):
    """Calls `beat`, if there is one, as soon as its event loop turns: a start may take its time from then on."""

    beat: Callable[[], None] | None = None

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Beat, then open the listeners."""
        if self.beat is not None:
            self.beat()
        await super().startup(sockets)


class StoppingServer(BeatingServer):
    """After SIGTERM it is unready, but accepts requests until load balancers have noticed; then streams are asked to
    reconnect elsewhere, and requests have a time to end. A second signal ends it at once.

    `admin` is the server of the admin listener, if there is one; it answers to the end.
    """

    def __init__(self, settings: Settings, application: Starlette, context: ssl.SSLContext | None = None) -> None:
        protocols = protocols_of(settings)
        super().__init__(
            _config(
                application,
                settings,
                host=settings.host,
                port=settings.port,
                http=protocols.http,
                ws=protocols.socket,
                proxy_headers=bool(settings.trusted_networks),
                forwarded_allow_ips=[str(each) for each in settings.trusted_networks],
                ssl_context_factory=None if context is None else lambda _config, _default: context,
            )
        )
        self.admin: uvicorn.Server | None = None
        self.admin_sockets: list[socket] | None = None
        if settings.admin_port is not None:
            self.admin = uvicorn.Server(admin_config(create_admin_app(application), settings))
        self._settings = settings
        self._application = application
        self._connections = protocols.connections
        self._loop: asyncio.AbstractEventLoop | None = None
        self._exits = asyncio.Event()

    @property
    def should_exit(self) -> bool:
        """Whether it is to stop."""
        return self._should_exit

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._should_exit = value
        if value and self._loop is not None:
            self._loop.call_soon_threadsafe(self._exits.set)

    async def main_loop(self) -> None:
        """Serve until it is to stop. uvicorn looks ten times a second whether it is, and which date responses have."""
        self._loop = asyncio.get_running_loop()
        if not self.should_exit:
            await self._exits.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal; the second one ends the process at once."""
        self.force_exit = self.should_exit
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Open the listeners; the admin listener comes last, when the process can answer."""
        await super().startup(sockets)
        if self.admin is not None:
            self.admin.config.load()
            self.admin.lifespan = self.admin.config.lifespan_class(self.admin.config)
            await self.admin.startup(self.admin_sockets)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Become unready, wait until that is known, end streams, and let requests finish within the time limit."""
        announce_stop(self._application)
        self._connections.is_draining = True
        _log.info("stopping", accepting_seconds=self._settings.accepting_seconds)
        await self._until(lambda: False, self._settings.accepting_seconds)
        streams = asyncio.create_task(drain(self._application))
        await self._until(streams.done, self._settings.drain_seconds + LAST_SECONDS)
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._finish_requests()
        await super().shutdown(sockets)
        if self.force_exit:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_SECONDS):
                    await self.lifespan.shutdown()
        if self.admin is not None:
            self.admin.force_exit = True
            await self.admin.shutdown(self.admin_sockets)

    async def _finish_requests(self) -> None:
        """Wait for the requests, then cut off those that take too long."""
        await self._until(lambda: not self.server_state.tasks, self._settings.shutdown_timeout_seconds)
        left = list(self.server_state.tasks)
        if left:
            _log.warning("requests_cut_off", count=len(left), effect="they are answered with UNAVAILABLE")
            for task in left:
                task.cancel()
            await asyncio.wait(left, timeout=LAST_SECONDS if self.force_exit else CUT_OFF_SECONDS)

    async def _until(self, holds: Callable[[], bool], seconds: float) -> None:
        """Wait for something that gives no signal, for so long at most; not after a second signal."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not holds() and not self.force_exit and loop.time() < end:  # noqa: ASYNC110 - a signal sets a flag only
            await asyncio.sleep(POLL_SECONDS)


def _config(application: Starlette, settings: Settings, **options: Any) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        loop="app.web.server:Loop",
        log_config=None,
        access_log=False,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=LAST_SECONDS,
        ws_max_size=128 * 1024,
        ws_per_message_deflate=False,
        server_header=False,
        **options,
    )


def admin_config(application: Starlette, settings: Settings) -> uvicorn.Config:
    """The configuration of the admin listener."""
    protocols = admin_protocols_of(settings)
    return _config(
        application,
        settings,
        host=settings.admin_host,
        port=settings.admin_port,
        http=protocols.http,
        ws="none",
        lifespan="off",
        proxy_headers=False,
    )
