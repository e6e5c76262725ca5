"""The protocols of both listeners, with the limits of the settings."""

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from app.runtime.settings import Settings
from app.web.connection import Connection
from app.web.open_connections import OpenConnections
from app.web.socket_connection import SocketConnection

ADMIN_CONNECTIONS_MAX: Final = 1_000


@dataclass(frozen=True)
class Protocols:
    """What uvicorn makes for each connection of a listener, and the count of them."""

    http: type[asyncio.Protocol]
    socket: type[asyncio.Protocol]
    connections: OpenConnections


def protocols_of(settings: Settings) -> Protocols:
    """The protocols of the listener of clients."""
    networks = settings.trusted_networks

    @lru_cache(maxsize=1024)
    def is_proxy(address: str) -> bool:
        return any(ip_address(address) in network for network in networks)

    counted = OpenConnections(settings.connections_max, settings.connections_of_one_address, is_proxy)
    return _limited(settings, counted)


def admin_protocols_of(settings: Settings) -> Protocols:
    """Those of the listener of orchestrators and monitoring, which no client's connections can fill."""
    return _limited(settings, OpenConnections(ADMIN_CONNECTIONS_MAX, ADMIN_CONNECTIONS_MAX))


def _limited(settings: Settings, counted: OpenConnections) -> Protocols:
    class LimitedConnection(Connection):
        head_seconds = settings.header_timeout_seconds
        send_seconds = settings.send_timeout_seconds
        open_connections = counted

    class LimitedSocket(SocketConnection):
        send_seconds = settings.send_timeout_seconds
        open_connections = counted

    return Protocols(LimitedConnection, LimitedSocket, counted)
