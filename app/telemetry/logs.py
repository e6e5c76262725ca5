"""Logs: one JSON object per line, with the id of the request, without personal data."""

import asyncio
import json
import logging
import re
import sys
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import orjson
import structlog
from structlog.typing import EventDict

request_id: ContextVar[str] = ContextVar("request_id", default="-")
"""The id of the request that the running task serves, `-` outside of requests."""
client_address: ContextVar[str] = ContextVar("client_address", default="-")
"""The address of its client, by which lines that anybody can cause are counted; it is not logged."""
LIBRARY_LEVELS: Final = {
    # It logs an error at every attempt to connect; the gateway logs one line per outage itself.
    "aiokafka": "CRITICAL",
    # It passes on each remark of the server; what is wrong is an error, since the sessions are strict.
    "asyncmy": "ERROR",
    **dict.fromkeys(("httpx", "httpcore", "aiosqlite", "asyncio", "alembic", "uvicorn"), "WARNING"),
}
LONG_NUMBER: Final = re.compile(r"\d{9,}")
"""What logs never show: card numbers, CPF (11), CNPJ (14) and phone numbers have this many digits."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
BATCH_SECONDS: Final = 0.05
"""Lines that are logged on the event loop are written together this often; a warning is written at once."""
_http: Final = logging.getLogger("billing.http")
_REQUEST: Final = vars(logging.LogRecord(_http.name, logging.INFO, __file__, 0, "request", None, None))
"""What the records of all requests have; to make each from nothing would take as long as its line."""


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


def _encoded(event: EventDict, *, default: Callable[[Any], Any]) -> str:
    # orjson refuses halves of surrogate pairs and leaves other characters as they are, which may move the cursor.
    return json.dumps(event, default=default, separators=(",", ":"))


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes lines in batches: a call of the operating system for each would cost more than to format them."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._held: list[str] = []
        self._writer: asyncio.AbstractEventLoop | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Hold the line, and write all that are held now or soon."""
        try:
            self._held.append(self.format(record))
            if record.levelno >= logging.WARNING or not self._is_scheduled():
                self.flush()
        except Exception:  # noqa: BLE001 - as every handler of the standard library
            self.handleError(record)

    def _is_scheduled(self) -> bool:
        """Whether the event loop will write what is held; a thread without one has to write it itself."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if self._writer is not loop:
            self._writer = loop
            loop.call_later(BATCH_SECONDS, self.flush)
        return True

    def flush(self) -> None:
        """Write what is held; also called when the process ends."""
        self.acquire()
        try:
            held, self._held, self._writer = self._held, [], None
            if held:
                self.stream.write("\n".join([*held, ""]))
            super().flush()
        finally:
            self.release()


class LineFormatter(structlog.stdlib.ProcessorFormatter):
    """structlog's, and lines that are complete already."""

    def format(self, record: logging.LogRecord) -> str:
        """The JSON object."""
        line: str | None = getattr(record, "line", None)
        return super().format(record) if line is None else line


def log_request(facts: dict[str, object]) -> None:
    """The line of a request. There is one for each, which structlog's way would make a fifth of the cost of a small
    one; the facts must hold nothing that is masked elsewhere."""
    if not _http.isEnabledFor(logging.INFO):
        return
    common = {"event": "request", "logger": _http.name, "level": "info", "timestamp": datetime.now(UTC)}
    line = orjson.dumps({**facts, **common, "request_id": request_id.get()}, option=orjson.OPT_UTC_Z)
    record = object.__new__(logging.LogRecord)
    record.__dict__.update(_REQUEST, line=line.decode())
    _http.handle(record)


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
    handler = LineHandler(sys.stderr)
    handler.setFormatter(
        LineFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _without_long_numbers,
                structlog.processors.JSONRenderer(_encoded),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, library_level in LIBRARY_LEVELS.items():
        logging.getLogger(name).setLevel(library_level)
