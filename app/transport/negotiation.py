"""Media types: which of the gateway's types a client accepts, and which one answers an operation.

A worked example, the header of urql: `application/graphql-response+json, application/graphql+json, application/json,
text/event-stream, multipart/mixed`. All weights are 1, so the header's order decides, and the preference is
(graphql-response+json, json, event-stream). A query is answered with the first; a subscription, which needs an event
stream or parts, takes the third.
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
PARTS: Final = "multipart/mixed;subscriptionspec=1.0"
HTML: Final = "text/html"
_PROTOCOL: Final = PARTS.partition(";")[2]


def check_accepted(accepted: tuple[str, ...]) -> None:
    """Refused if no media type that an operation can have is accepted, whatever the request says."""
    if not set(accepted) & {JSON, RESPONSE, EVENTS, PARTS}:
        raise _not_acceptable()


def media_type(method: str, operation: Operation, accepted: tuple[str, ...]) -> str:
    """The media type of the answer, which is one of those that `check_accepted` has found; Refused where the method or
    Accept does not allow the operation."""
    if method == "GET" and operation.type is OperationType.MUTATION:
        raise Refused("METHOD_NOT_ALLOWED", "use POST for mutations", status=405, headers={"allow": "POST"})
    if operation.type is OperationType.SUBSCRIPTION:
        media = next((each for each in accepted if each in {EVENTS, PARTS}), None)
        if media is None:
            raise Refused(errors.NOT_SUPPORTED, f"send Accept: {EVENTS} for a subscription", status=406)
        return media
    media = next((each for each in accepted if each not in {HTML, PARTS}), None)
    if media is None:
        raise _not_acceptable()
    return media


def _not_acceptable() -> Refused:
    return Refused("NOT_ACCEPTABLE", f"accept {RESPONSE}, {JSON} or {EVENTS}", status=406)


@lru_cache(maxsize=256)
def preference(accept: str | None) -> tuple[str, ...]:
    """The media types that an Accept header allows, of those of this module, best first; equal weights in the header's
    order.

    For each type the most specific range counts, so `application/json;q=0.5, application/*` prefers
    graphql-response+json (weight 1 by the wildcard) to json (0.5 by name). `*/*` covers JSON only: a page or an endless
    stream must be asked for by name, and parts with their protocol: urql accepts others.
    """
    ranges = _ranges(accept or "*/*")
    ranked = []
    for media in (JSON, RESPONSE, EVENTS, PARTS, HTML):
        covering = (media, *_wildcards(media))
        weight, place = next((ranges[one] for one in covering if one in ranges), (0.0, 0))
        if weight > 0:
            ranked.append((-weight, place, media))
    return tuple(media for _, _, media in sorted(ranked, key=lambda one: one[:2]))


def _wildcards(media: str) -> tuple[str, ...]:
    if media == PARTS:
        return ()
    of_type = f"{media.partition('/')[0]}/*"
    return (of_type, "*/*") if media in {JSON, RESPONSE} else (of_type,)


def _ranges(accept: str) -> dict[str, tuple[float, int]]:
    """Media range -> its weight and its place in the header; the first one counts if a range occurs twice. Of
    parameters, only the protocol of parts is one of the range."""
    found: dict[str, tuple[float, int]] = {}
    for place, part in enumerate(accept.lower().split(",")):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weights = [piece.removeprefix("q=") for piece in parameters if piece.startswith("q=")]
        if any(piece.replace('"', "") == _PROTOCOL for piece in parameters):
            name += f";{_PROTOCOL}"
        found.setdefault(name, (_weight(weights[0]) if weights else 1.0, place))
    return found


def _weight(text: str) -> float:
    """0 to 1; what is not a number is 0."""
    try:
        return min(max(0.0, float(text)), 1.0)
    except ValueError:
        return 0.0
