"""Logs: one JSON object per line, with the id of the request, without personal data."""

import logging
import re
import sys
from contextvars import ContextVar
from typing import Any, Final

import structlog
from structlog.typing import EventDict

request_id: ContextVar[str] = ContextVar("request_id", default="-")
"""The id of the request that the running task serves, `-` outside of requests."""
client_address: ContextVar[str] = ContextVar("client_address", default="-")
"""The address of its client, by which lines that anybody can cause are counted; it is not logged."""
LIBRARY_LEVELS: Final = {
    # It logs an error at every attempt to connect; the gateway logs one line per outage itself.
    "aiokafka": "CRITICAL",
    **dict.fromkeys(("httpx", "httpcore", "aiosqlite", "asyncio", "alembic", "uvicorn"), "WARNING"),
}
LONG_NUMBER: Final = re.compile(r"\d{9,}")
"""What logs never show: card numbers, CPF (11), CNPJ (14) and phone numbers have this many digits."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def _with_request_id(_logger: Any, _method: str, event: EventDict) -> EventDict:
    event["request_id"] = request_id.get()
    return event


def _without_long_numbers(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Mask every long number, except in a SHA-256 digest: the seal of the access log must be logged exactly.

    The last line of defence: no caller logs personal data on purpose, but the text of a library's error may hold some.
    """
    return {key: _masked(value) if isinstance(value, str) else value for key, value in event.items()}


def _masked(text: str) -> str:
    return text if _DIGEST.fullmatch(text) else LONG_NUMBER.sub("***", text)


def configure_logs(level: str) -> None:
    """Send all logs to standard error as JSON lines; `level` is one of debug, info, warning, error.

    Records of libraries (`logging`) and of the gateway (structlog) take the same way: `shared` adds the common fields
    to both, and masking is the last step before encoding, so that it also covers the text of exceptions.
    """
    shared: list[Any] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_request_id,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _without_long_numbers,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, library_level in LIBRARY_LEVELS.items():
        logging.getLogger(name).setLevel(library_level)
