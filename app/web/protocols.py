"""The protocols of the listener of clients, with the limits of the settings."""

import asyncio

from app.runtime.settings import Settings
from app.web.connection import Connection
from app.web.open_connections import OpenConnections
from app.web.socket_connection import SocketConnection


def protocols_of(settings: Settings) -> tuple[type[asyncio.Protocol], type[asyncio.Protocol]]:
    """The protocol of HTTP, and the one that a connection has after its upgrade to a WebSocket."""
    counted = OpenConnections(settings.connections_max, settings.connections_max)

    class LimitedConnection(Connection):
        head_seconds = settings.header_timeout_seconds
        send_seconds = settings.send_timeout_seconds
        open_connections = counted

    class LimitedSocket(SocketConnection):
        send_seconds = settings.send_timeout_seconds
        open_connections = counted

    return LimitedConnection, LimitedSocket
