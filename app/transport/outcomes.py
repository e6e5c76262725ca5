"""How an operation ended, for the metrics: the worst of its errors decides, so a client's mistake hides no fault of
ours, and wakes nobody."""

from collections.abc import Iterable
from typing import Any, Final, Literal, get_args

from app.transport import errors

Outcome = Literal["ok", "refused", "denied", "unavailable", "internal"]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
"""From the best to the worst: `refused` is what the client sent, `denied` who the client is, the last two are ours."""
_BY_CODE: Final[dict[str, Outcome]] = {
    errors.UNAUTHENTICATED: "denied",
    errors.FORBIDDEN: "denied",
    errors.UNAVAILABLE: "unavailable",
    errors.TIMEOUT: "unavailable",
    errors.INTERNAL: "internal",
}


def outcome_of(found: Iterable[dict[str, Any]]) -> Outcome:
    """The outcome of an operation with these errors, as its response has them."""
    outcomes = (_BY_CODE.get(error["extensions"]["code"], "refused") for error in found)
    return max(outcomes, key=OUTCOMES.index, default="ok")
