"""Security headers for browsers, and the answers to pages of other sites."""

from collections.abc import Awaitable
from functools import lru_cache
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.origins import Origins

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
_API_POLICY: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_NO_STORE: Final = (b"cache-control", b"no-store")
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
_NEVER_CACHED: Final = frozenset({"/graphql", "/documents", "/metrics"})
# Beside what the gateway reads, what GraphQL clients (Apollo, urql, Relay), EventSource polyfills and tracing add.
ALLOWED_HEADERS: Final = (
    *("authorization", "content-type", "x-graphql-csrf", "x-request-id", "last-event-id", "idempotency-key"),
    *("x-graphql-event-stream-token", "apollo-require-preflight"),
    *("apollographql-client-name", "apollographql-client-version"),
    *("graphql-client-name", "graphql-client-version", "traceparent", "tracestate", "baggage"),
)
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": ", ".join(ALLOWED_HEADERS),
    "Access-Control-Max-Age": "600",
}
# What a page needs of an answer beside its body: why it was refused, when to come back, and what to report to support.
_EXPOSED: Final = "x-request-id, retry-after, www-authenticate"


class BrowserPolicy:
    """Sets the headers, answers preflights, and refuses sockets of pages that are not allowed."""

    def __init__(self, app: ASGIApp, *, origins: Origins, pages: tuple[str, ...] = ()) -> None:
        self._app = app
        self._origins = origins
        self._pages = pages

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on, or refuse it; no coroutine of its own, which each open stream would hold."""
        if scope["type"] == "http":
            return self._http(scope, receive, send)
        if scope["type"] == "websocket" and self._is_refused(Headers(scope=scope)):
            # Closed before it is accepted, which the server turns into a 403.
            return send({"type": "websocket.close", "code": 4403, "reason": "this origin is not allowed"})
        return self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        is_allowed = self._origins.allow(origin)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(message, scope, origin if is_allowed else None)
            await send(message)

        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            # Only these are surely from another site: behind a proxy the Host header of one's own page may differ.
            self._is_refused(headers)
            await Response(status_code=204, headers=_PREFLIGHT if is_allowed else None)(
                scope, receive, send_with_headers
            )
            return
        await self._app(scope, receive, send_with_headers)

    def _add_headers(self, message: Message, scope: Scope, allowed: str | None) -> None:
        """Those that the answer has no value of its own for; `allowed` is the origin of a page that may read it."""
        is_page = scope["path"].startswith(self._pages)
        added = constant_headers(scope["path"] in _NEVER_CACHED, scope["scheme"] == "https", is_page, allowed)
        own = {name for name, _ in message["headers"]}
        message["headers"] = [*message["headers"], *[header for header in added if header[0] not in own]]
        if self._origins:
            MutableHeaders(scope=message).add_vary_header("Origin")

    def _is_refused(self, headers: Headers) -> bool:
        return self._origins.is_refused(headers.get("origin"), headers.get("host"))


@lru_cache(maxsize=256)
def constant_headers(
    is_never_cached: bool, is_https: bool, is_page: bool, allowed: str | None
) -> tuple[tuple[bytes, bytes], ...]:
    """The constant headers of one kind of answer; `allowed` is the origin of a page that may read it."""
    resources = b"same-origin" if allowed is None else b"cross-origin"
    found = [
        *_HEADERS,
        (b"cross-origin-resource-policy", resources),
        (b"content-security-policy", PAGE_POLICY.encode()) if is_page else _API_POLICY,
    ]
    if is_never_cached:
        found.append(_NO_STORE)
    if is_https:
        found.append(_HSTS)
    if allowed is not None:
        found.append((b"access-control-expose-headers", _EXPOSED.encode()))
        found.append((b"access-control-allow-origin", allowed.encode("latin-1")))
    return tuple(found)
