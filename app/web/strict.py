"""Requests that two readers could understand differently are refused, since a proxy in front may be the other one."""

import re
from collections.abc import Awaitable
from functools import lru_cache
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from app.transport.errors import Refused
from app.web import refusals

# The gateway decides by these, so each may have one value only.
SINGLE: Final = (b"host", b"authorization", b"content-type", b"origin")
_HOST: Final = re.compile(rb"[A-Za-z0-9._~%!$&'()*+,;=\-]*(:[0-9]*)?|\[[0-9A-Fa-f:.]+\](:[0-9]*)?")


class StrictRequests:
    """Answers 400 to a request without one valid Host, with two values of a header that decides, or badly framed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on, or refuse it; no coroutine of its own, which each open stream would hold."""
        refused = _refusal(scope) if scope["type"] in {"http", "websocket"} else None
        return self._app(scope, receive, send) if refused is None else refusals.respond(refused, scope, send)


def _refusal(scope: Scope) -> Refused | None:
    values: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        values.setdefault(name, []).append(value)
    for name in SINGLE:
        if len(values.get(name, ())) > 1:
            return refusals.invalid(f"send the header {name.decode()} once")
    return _host_refusal(scope, values) or _framing_refusal(scope, values)


def _host_refusal(scope: Scope, values: dict[bytes, list[bytes]]) -> Refused | None:
    host = values.get(b"host", [])
    if not host and scope["http_version"] != "1.0":
        return refusals.invalid("send the header host")
    if host and not is_host(host[0]):
        return refusals.invalid("send a valid host")
    return None


@lru_cache(maxsize=256)
def is_host(value: bytes) -> bool:
    """Whether it may be the value of a Host header."""
    return _HOST.fullmatch(value) is not None


def _framing_refusal(scope: Scope, values: dict[bytes, Any]) -> Refused | None:
    if b"transfer-encoding" in values and (scope["http_version"] == "1.0" or b"content-length" in values):
        return refusals.invalid("send transfer-encoding in HTTP/1.1 only, and without content-length")
    return None
