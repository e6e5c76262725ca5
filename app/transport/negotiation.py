"""Media types: which of ours a client accepts, and which one answers an operation."""

from functools import lru_cache

from graphql import OperationType

from app.transport import errors
from app.transport.documents import Operation
from app.transport.errors import Refused

JSON = "application/json"
RESPONSE = "application/graphql-response+json"
EVENTS = "text/event-stream"
HTML = "text/html"


def media_type(method: str, operation: Operation, accepted: tuple[str, ...]) -> str:
    """What the answer will be; Refused where the method or Accept does not allow the operation."""
    if method == "GET" and operation.type is not OperationType.QUERY:
        raise Refused("METHOD_NOT_ALLOWED", "GET runs queries only", status=405, headers={"allow": "POST"})
    if operation.type is OperationType.SUBSCRIPTION:
        if EVENTS not in accepted:
            raise Refused(errors.NOT_SUPPORTED, f"a subscription needs Accept: {EVENTS}", status=406)
        return EVENTS
    for media in accepted:
        if media != HTML:
            return media
    raise Refused("NOT_ACCEPTABLE", f"the answer is {RESPONSE}, {JSON} or {EVENTS}", status=406)


@lru_cache(maxsize=256)
def preference(accept: str | None) -> tuple[str, ...]:
    """Our media types that an Accept header allows, best first; equal weights in the header's order.

    `*/*` stands for JSON only: a page or an endless stream must be asked for by name.
    """
    ranges = _ranges(accept or "*/*")
    ranked = []
    for ours in (JSON, RESPONSE, EVENTS, HTML):
        known = (ours, f"{ours.partition('/')[0]}/*") + (("*/*",) if ours in {JSON, RESPONSE} else ())
        weight, place = next((ranges[one] for one in known if one in ranges), (0.0, 0))
        if weight > 0:
            ranked.append((-weight, place, ours))
    return tuple(ours for _, _, ours in sorted(ranked, key=lambda one: one[:2]))


def _ranges(accept: str) -> dict[str, tuple[float, int]]:
    """Each media range's weight and place."""
    found: dict[str, tuple[float, int]] = {}
    for place, part in enumerate(accept.lower().split(",")):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weights = [piece.removeprefix("q=") for piece in parameters if piece.startswith("q=")]
        found.setdefault(name, (_weight(weights[0]) if weights else 1.0, place))
    return found


def _weight(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
