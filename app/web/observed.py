"""The outermost middleware: every request gets an id, a log line and its metrics."""

import re
import time
from functools import cache
from http import HTTPStatus
from random import getrandbits
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.rest.door import ROUTE
from app.telemetry.logs import LONG_NUMBER, client_address, log_request, request_id
from app.telemetry.metrics import OTHER, Metrics
from app.telemetry.seldom import Seldom

# Only these paths become metric labels: a label per requested path would let clients fill the memory.
ROUTES: Final = ("/graphql", "/documents", "/health", "/health/live", "/health/ready", "/metrics")
METHODS: Final = frozenset({"GET", "POST", "PATCH"})
LOGGED: Final = frozenset({"/graphql", "/documents"})
"""Probes and scrapes would fill the log."""
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
REFUSED_SECONDS: Final = 1.0


class Requests:
    """Counts and logs the requests that have ended."""

    def __init__(self, metrics: Metrics) -> None:
        # Few label values exist, and finding the child of each again would cost more than to count.
        self._requests, self._seconds = cache(metrics.http_requests.labels), cache(metrics.http_seconds.labels)
        self._refused = Seldom(REFUSED_SECONDS)

    def count(self, route: str, method: str, status: int, seconds: float, *, is_logged: bool) -> None:
        """Count one by its route and method as the metrics name them."""
        self._requests(route, method, str(status)).inc()
        self._seconds(route).observe(seconds)
        if is_logged:
            self._log(route, method, status, seconds)

    def _log(self, route: str, method: str, status: int, seconds: float) -> None:
        """One line; for refused requests one line for each status and client in a second, with how many there were."""
        facts = {"route": route, "method": method, "status": status, "milliseconds": round(seconds * 1000, 1)}
        if status < HTTPStatus.BAD_REQUEST:
            log_request(facts)
        elif count := self._refused.count(f"{status} {client_address.get()}"):
            log_request({**facts, "count": count} if count > 1 else facts)


class Observed:
    """Sets the request id for logs and for the X-Request-ID header, and measures HTTP requests."""

    def __init__(self, app: ASGIApp, *, requests: Requests) -> None:
        self._app = app
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its id."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        identifier = identifier_of(given)
        token = request_id.set(identifier)
        client = client_address.set(address_of(scope))
        try:
            if scope["type"] == "websocket":
                await self._app(scope, receive, send)
            else:
                await self._observe(scope, receive, send, identifier)
        finally:
            client_address.reset(client)
            request_id.reset(token)

    async def _observe(self, scope: Scope, receive: Receive, send: Send, identifier: str) -> None:
        started = time.perf_counter()
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", identifier.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            self._count(scope, status, time.perf_counter() - started)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        template = scope.get(ROUTE)
        route = template or (scope["path"] if scope["path"] in ROUTES else OTHER)
        method = scope["method"] if scope["method"] in METHODS else OTHER
        is_logged = bool(template) or route in LOGGED
        self._requests.count(route, method, status, seconds, is_logged=is_logged)


def address_of(scope: Scope) -> str:
    """The client's address, `-` if nobody knows it."""
    client = scope.get("client")
    return str(client[0]) if client else "-"


def identifier_of(given: bytes) -> str:
    """The client's own id if it is a plain one, so that support can search for it; else a new one.

    An id with a long number, which logs would mask, is not used: a search would not find it.
    """
    text = given.decode("latin-1")
    return text if _REQUEST_ID.fullmatch(text) and not LONG_NUMBER.search(text) else _new_id()


def _new_id() -> str:
    # To tell requests apart needs no secret, and the system's random numbers take five times as long.
    while LONG_NUMBER.search(found := f"{getrandbits(64):016x}"):
        pass
    return found
