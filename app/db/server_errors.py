"""What the errors of the database mean: lost connections, servers that are down, full or overloaded."""

from typing import Any, Final

from sqlalchemy.exc import DBAPIError, InterfaceError

LOST_CONNECTION: Final = frozenset({2003, 2006, 2013, 1053, 1927})
NOT_CONNECTED: Final = 0
"""The number of a driver's error that no server has sent."""
CLIENT_ERRORS: Final = range(2000, 3000)
DRIVERS: Final = frozenset({"pymysql", "aiomysql", "asyncmy", "sqlite3", "aiosqlite"})
OVERLOADED: Final = frozenset({1040, 1041, 1053, 1129, 1152, 1158, 1159, 1160, 1161, 1203, 1226, 1317, 1969, 3024})
REFUSING_WRITES: Final = frozenset({1021, 1030, 1047, 1114, 1290, 1792, 1836, 3098, 3100, 3101})
"""The disk or a table is full (1021, 1030, 1114), the server is read-only (1290, 1792, 1836), or its group or cluster
is not ready (1047, 3098, 3100, 3101)."""
LOCK_TIMEOUTS: Final = frozenset({1205})
REFUSING_USER: Final = frozenset({1044, 1045, 1049, 1698})
"""The user, the password or the database's name is wrong."""
RETRYABLE: Final = frozenset({1020, 1205, 1213}) | LOST_CONNECTION


def may_retry(error: Exception) -> bool:
    """Whether the same unit of work may succeed when it runs again."""
    reason = error_number(error)
    return is_lost(error) or reason in RETRYABLE or "database is locked" in str(reason)


def is_lost(error: Exception) -> bool:
    """Whether the connection was lost, during a statement or between two."""
    return _is_connection_lost(error) or error_number(error) in LOST_CONNECTION


def is_unavailable(error: Exception) -> bool:
    """Whether the server is down or overloaded; a statement that it rejects is a bug of ours, not an outage."""
    if isinstance(error, TimeoutError | OSError) or _is_connection_lost(error):
        return True
    reason = error_number(error)
    known = RETRYABLE | OVERLOADED | REFUSING_WRITES
    is_server = isinstance(reason, int) and (reason in known or reason in CLIENT_ERRORS)
    is_file = isinstance(reason, str) and any(word in reason for word in ("locked", "unable to open", "disk"))
    is_gone = isinstance(error, DBAPIError) and (isinstance(error, InterfaceError) or error.connection_invalidated)
    return is_server or is_file or is_gone


def _is_connection_lost(error: Exception) -> bool:
    """Whether the connection was lost between two statements: while SQLAlchemy takes it from the pool or returns it,
    errors are those of the driver and the event loop, not SQLAlchemy's own."""
    if isinstance(error, RuntimeError):
        return "closed" in str(error) and "Transport" in str(error)
    if isinstance(error, InterfaceError):
        return error_number(error) == NOT_CONNECTED
    return type(error).__name__ == "InterfaceError" and _is_of_driver(error)


def _is_of_driver(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] in DRIVERS


def error_number(error: BaseException) -> object:
    """The server's error number or the driver's text; None for errors that do not come from the database."""
    raised = error.orig if isinstance(error, DBAPIError) else error if _is_of_driver(error) else None
    arguments: tuple[Any, ...] = getattr(raised, "args", ())
    return arguments[0] if arguments else None
