"""How a session on MySQL is set up: what the server ends by itself when its client is gone or has given up."""

import socket
from typing import Any, Final

MYSQL_INIT: Final = (
    "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO', "
    "innodb_lock_wait_timeout = 4"
)
UNUSED_SECONDS: Final = 600
"""A pooled connection that is unused for longer is closed by the server; the pool notices and makes a new one."""
KEEPALIVE_SECONDS: Final = 10
KEEPALIVE_PROBES: Final = 3


def settings(*, idle_seconds: int, statement_seconds: float, is_writing: bool) -> str:
    """The statement that sets up a session.

    A client whose host or network is gone never ends its transaction: the server does, after `idle_seconds` without a
    statement; otherwise its locks would last for eight hours. MariaDB has a limit for transactions; on MySQL it is one
    for the session. A statement ends when the request that waits for it has given up; on MySQL, if it only reads.
    (MariaDB runs what is in `/*M!`, MySQL what is in `/*!8`, which MariaDB skips.)
    """
    mariadb = f"idle_transaction_timeout = {idle_seconds}, max_statement_time = {statement_seconds}"
    mysql = f"max_execution_time = {int(statement_seconds * 1_000)}"
    mysql += f", wait_timeout = {idle_seconds}" if is_writing else ""
    return f"{MYSQL_INIT}, wait_timeout = {UNUSED_SECONDS} /*M!100303 , {mariadb} */ /*!80000 , {mysql} */"


def guard_socket(driver_connection: Any, *, timeout_seconds: float) -> None:
    """Let the kernel end a connection whose server is silent: without an acknowledgement of what was sent within the
    timeout, or without an answer to its probes while it is idle."""
    # Neither driver has a public name for its stream.
    writer = getattr(driver_connection, "_writer", None)
    found = None if writer is None else writer.get_extra_info("socket")
    if found is None or found.family == socket.AF_UNIX:
        return
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {
        "TCP_USER_TIMEOUT": int(timeout_seconds * 1_000),
        "TCP_KEEPIDLE": KEEPALIVE_SECONDS,
        "TCP_KEEPINTVL": KEEPALIVE_SECONDS,
        "TCP_KEEPCNT": KEEPALIVE_PROBES,
    }
    for name, value in options.items():
        if hasattr(socket, name):  # Linux has them all, other systems some
            found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
