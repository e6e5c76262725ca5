"""The step read over HTTP: the JSON of a body or a query string, with the right method, within a size and a time."""

from functools import lru_cache
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.types import Receive

from app.transport import errors
from app.transport.begun import within
from app.transport.errors import Refused
from app.transport.negotiation import HTML, JSON

BODY_BYTES_MAX: Final = 128 * 1024
_NEVER_SENT_BY_FORMS: Final = ("x-graphql-csrf", "apollo-require-preflight", "authorization")
SITE: Final = "sec-fetch-site"
_CLOSE: Final = {"connection": "close"}


def check_method(request: Request, accepted: tuple[str, ...]) -> None:
    """Refused for a method that is not supported, or a GET that a form of another site may have sent."""
    if request.method not in {"GET", "POST"}:
        raise Refused("METHOD_NOT_ALLOWED", "use GET or POST", status=405, headers={"allow": "GET, POST"})
    if request.method == "GET" and accepted[:1] == (HTML,) and "query" not in request.query_params:
        raise Refused("NOT_FOUND", "GraphiQL is not served here, send a GraphQL request", status=404)
    if request.method == "GET" and _may_be_a_form(request):
        raise Refused(errors.BAD_REQUEST, "send the header x-graphql-csrf with a GET from a browser")


def check_stream(request: Request) -> None:
    """Refused for an event stream that a page of another site opens by GET: it could not read it, but it would count
    against the caller, whom a client certificate may identify there too."""
    if request.method == "GET" and not _has_own_header(request) and request.headers.get(SITE) == "cross-site":
        raise Refused(errors.FORBIDDEN, "send the header x-graphql-csrf with a stream from another site", status=403)


def _may_be_a_form(request: Request) -> bool:
    return not _has_own_header(request) and request.headers.get("sec-fetch-mode") in {"navigate", "no-cors"}


def _has_own_header(request: Request) -> bool:
    """Whether it has a header that forms, images, links and an EventSource cannot send."""
    headers = request.headers
    return any(headers.get(name) for name in _NEVER_SENT_BY_FORMS) or is_json(headers.get("content-type", ""))


@lru_cache(maxsize=64)
def is_json(content_type: str) -> bool:
    """Whether a body of this type is read: JSON in UTF-8."""
    media, *parameters = (part.strip() for part in content_type.lower().split(";"))
    charsets = [part.removeprefix("charset=").strip('"') for part in parameters if part.startswith("charset=")]
    return media == JSON and all(charset in {"utf-8", "utf8"} for charset in charsets)


async def read_json(request: Request, seconds: float) -> object:
    """The JSON of the query string, or of the body, which must arrive within these seconds; Refused otherwise."""
    return _query_string(request) if request.method == "GET" else _decoded(await read_body(request, seconds))


def _query_string(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = dict(request.query_params)
    for member in ("variables", "extensions"):
        if found.get(member):
            found[member] = _decoded(found[member])
        else:
            found.pop(member, None)
    return found


async def read_body(request: Request, seconds: float) -> bytes:
    """The body, which says that it is JSON and must arrive within these seconds; Refused otherwise."""
    if not is_json(request.headers.get("content-type", "")) or "content-encoding" in request.headers:
        message = "send the body as uncompressed application/json in UTF-8"
        raise Refused("UNSUPPORTED_MEDIA_TYPE", message, status=415)
    try:
        return await within(seconds, _bytes(request.receive, request.headers.get("content-length", "")))
    except TimeoutError:
        message = f"send the body within {seconds:g} s"
        raise Refused("REQUEST_TIMEOUT", message, status=408, headers=_CLOSE) from None


async def _bytes(receive: Receive, announced: str) -> bytes:
    """The body; Refused as soon as it is known to be too large, by what is announced or by what has arrived."""
    body = bytearray()
    # The length of the text is checked first: converting thousands of digits would fail.
    if announced.isdecimal() and len(announced) < 20 and int(announced) > BODY_BYTES_MAX:
        raise _too_large()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(errors.BAD_REQUEST, "the client disconnected", status=499)
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise _too_large()
        if not message.get("more_body"):
            return bytes(body)


def _too_large() -> Refused:
    message = f"send at most {BODY_BYTES_MAX:,} bytes"
    return Refused("PAYLOAD_TOO_LARGE", message, status=413, headers=_CLOSE)


def _decoded(text: bytes | str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Refused(errors.BAD_REQUEST, "send valid JSON") from None
