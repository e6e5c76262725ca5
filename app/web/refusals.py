"""Answers of the server itself, before GraphQL or beside it, in the form of a GraphQL response."""

import http
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope, Send

from app.transport import errors
from app.transport.answers import Answer
from app.transport.errors import Refused
from app.transport.negotiation import JSON, RESPONSE, preference

_CLOSE: Final = {"connection": "close"}


class Overloaded(Refused):
    """The process has as many connections as it may have, in all or from one address."""

    def __init__(self) -> None:
        headers = {**_CLOSE, "retry-after": "1"}
        super().__init__(errors.UNAVAILABLE, "too many connections, try again", status=503, headers=headers)

    @property
    def extensions(self) -> dict[str, object]:
        return {"code": self.code, "retryable": True}


class Stopping(Refused):
    """The request was cut off because the server stops: a mutation may have been done, its key tells."""

    def __init__(self) -> None:
        message = "the server is restarting, try again with the same idempotency key"
        super().__init__(errors.UNAVAILABLE, message, status=503, headers=_CLOSE)

    @property
    def extensions(self) -> dict[str, object]:
        return {"code": self.code, "retryable": True}


def invalid(message: str = "send valid HTTP") -> Refused:
    """A request that is against the rules of HTTP; its connection is closed, since nobody knows where it ends."""
    return Refused(errors.BAD_REQUEST, message, headers=_CLOSE)


def too_large() -> Refused:
    """A request with more around its body than it may have."""
    message = "send fewer and shorter headers"
    return Refused("HEADERS_TOO_LARGE", message, status=431, headers=_CLOSE)


def too_slow(seconds: float) -> Refused:
    """A request whose head does not arrive in time."""
    return Refused("REQUEST_TIMEOUT", f"send the headers within {seconds:g} s", status=408, headers=_CLOSE)


def encoded(refused: Refused) -> bytes:
    """The whole HTTP response, for a connection without a request that could be answered."""
    answer = Answer.refused(refused)
    status = http.HTTPStatus(answer.status)
    headers = {**answer.headers, "content-type": f"{JSON}; charset=utf-8", "content-length": str(len(answer.body))}
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + answer.body


async def respond(refused: Refused, scope: Scope, send: Send) -> None:
    """Answer a request, or an upgrade to a socket that is not accepted."""
    answer = Answer.refused(refused)
    accepted = preference(Headers(scope=scope).get("accept"))
    media = next((one for one in accepted if one in {JSON, RESPONSE}), JSON)
    headers = {**answer.headers, "content-type": f"{media}; charset=utf-8", "content-length": str(len(answer.body))}
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": f"{kind}.start", "status": answer.status, "headers": raw})
    await send({"type": f"{kind}.body", "body": answer.body, "more_body": False})
