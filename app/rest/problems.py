"""Errors as problem details (RFC 9457): status, title, detail, and our code, field, and request id."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.responses import Response

from app.telemetry.logs import request_id
from app.transport import errors

PROBLEM: Final = "application/problem+json"
INVALID: Final = "INVALID_INPUT"
NO_STORE: Final = {"cache-control": "no-store"}
STATUS: Final[Mapping[str, int]] = {
    errors.BAD_REQUEST: 400,
    errors.UNAUTHENTICATED: 401,
    errors.FORBIDDEN: 403,
    "NOT_FOUND": 404,
    "CONFLICT": 409,
    "STALE_VERSION": 409,
    "DUPLICATE_CLAIM": 409,
    "OVER_SETTLEMENT": 409,
    errors.RATE_LIMITED: 429,
    "EMERGENCY_LIMIT": 429,
    errors.INTERNAL: 500,
    errors.UNAVAILABLE: 503,
    errors.TIMEOUT: 504,
}
"""The HTTP status of a code; of all others 422: the request was understood, and something in it is wrong."""
Located = Callable[[Sequence[str]], str | None]


def problem(status: int, found: Sequence[Mapping[str, Any]], headers: Mapping[str, str] | None = None) -> Response:
    """The answer for these errors, each with its facts; the first one decides."""
    first = found[0]
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error",
        "status": status,
        **first,
        "request_id": request_id.get(),
        "errors": found,
    }
    return Response(orjson.dumps(body), status, {**NO_STORE, **(headers or {})}, PROBLEM)


def status_of(error: Mapping[str, Any]) -> int:
    """The HTTP status of an error. What a body names and does not exist is a wrong body; 404 is about the path."""
    if error["code"] == "NOT_FOUND" and error.get("field", "id") != "id":
        return 422
    return STATUS.get(error["code"], 422)


def of_payload(found: Sequence[Mapping[str, Any]], located: Located) -> list[dict[str, Any]]:
    """The errors of a mutation's payload, with their fields as the body names them."""
    return [_error(each["code"], each["message"], each, located) for each in found]


def of_response(found: Sequence[Mapping[str, Any]], located: Located) -> list[dict[str, Any]]:
    """The `errors` of a GraphQL response in the same form; a finer reason replaces the code of a wrong argument."""
    extensions = [each["extensions"] for each in found]
    return [
        _error(each.get("reason", each["code"]), error["message"], each, located)
        for error, each in zip(found, extensions, strict=True)
    ]


def _error(code: str, detail: str, facts: Mapping[str, Any], located: Located) -> dict[str, Any]:
    path = facts.get("field")
    more = {
        "field": located([str(step) for step in path]) if path else None,
        "tiss_code": facts.get("tissCode"),
        "tiss_description": facts.get("tissDescription"),
    }
    return {"code": code, "detail": detail, **{name: value for name, value in more.items() if value}}
