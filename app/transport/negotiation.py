"""Media types: which of the gateway's types a client accepts, and which one answers an operation.

A worked example, the header of urql: `application/graphql-response+json, application/graphql+json, application/json,
text/event-stream, multipart/mixed`. All weights are 1, so the header's order decides, and the preference is
(graphql-response+json, json, event-stream). A query is answered with the first; a subscription, which needs an event
stream, takes the third.
"""

from functools import lru_cache
from typing import Final

from graphql import OperationType

from app.transport import errors
from app.transport.documents import Operation
from app.transport.errors import Refused

JSON: Final = "application/json"
RESPONSE: Final = "application/graphql-response+json"
EVENTS: Final = "text/event-stream"
HTML: Final = "text/html"


def check_accepted(accepted: tuple[str, ...]) -> None:
    """Refused if no media type that an operation can have is accepted, whatever the request says."""
    if not set(accepted) & {JSON, RESPONSE, EVENTS}:
        raise Refused("NOT_ACCEPTABLE", f"accept {RESPONSE}, {JSON} or {EVENTS}", status=406)


def media_type(method: str, operation: Operation, accepted: tuple[str, ...]) -> str:
    """The media type of the answer, which is one of those that `check_accepted` has found; Refused where the method or
    Accept does not allow the operation."""
    if method == "GET" and operation.type is OperationType.MUTATION:
        raise Refused("METHOD_NOT_ALLOWED", "use POST for mutations", status=405, headers={"allow": "POST"})
    if operation.type is OperationType.SUBSCRIPTION:
        if EVENTS not in accepted:
            raise Refused(errors.NOT_SUPPORTED, f"send Accept: {EVENTS} for a subscription", status=406)
        return EVENTS
    return next(media for media in accepted if media != HTML)


@lru_cache(maxsize=256)
def preference(accept: str | None) -> tuple[str, ...]:
    """The media types (JSON, RESPONSE, EVENTS, HTML) that an Accept header allows, best first; equal weights in the
    header's order.

    For each type the most specific range counts, so `application/json;q=0.5, application/*` prefers
    graphql-response+json (weight 1 by the wildcard) to json (0.5 by name). `*/*` covers JSON only: a page or an endless
    stream must be asked for by name.
    """
    ranges = _ranges(accept or "*/*")
    ranked = []
    for media in (JSON, RESPONSE, EVENTS, HTML):
        covering = (media, f"{media.partition('/')[0]}/*") + (("*/*",) if media in {JSON, RESPONSE} else ())
        weight, place = next((ranges[one] for one in covering if one in ranges), (0.0, 0))
        if weight > 0:
            ranked.append((-weight, place, media))
    return tuple(media for _, _, media in sorted(ranked, key=lambda one: one[:2]))


def _ranges(accept: str) -> dict[str, tuple[float, int]]:
    """Media range -> its weight and its place in the header; the first one counts if a range occurs twice."""
    found: dict[str, tuple[float, int]] = {}
    for place, part in enumerate(accept.lower().split(",")):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weights = [piece.removeprefix("q=") for piece in parameters if piece.startswith("q=")]
        found.setdefault(name, (_weight(weights[0]) if weights else 1.0, place))
    return found


def _weight(text: str) -> float:
    """0 to 1; what is not a number is 0."""
    try:
        return min(max(0.0, float(text)), 1.0)
    except ValueError:
        return 0.0
