"""The glosa (denial): its states, the appeal against it, and what of it is in dispute, won or lost."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from app.domain.errors import BillingError, ErrorCode, conflict, refuse
from app.domain.money import Cents, format_money

JUSTIFICATION_MAX = 500


class GlosaStatus(StrEnum):
    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    APPEALED = "APPEALED"
    OVERTURNED = "OVERTURNED"
    PARTIALLY_OVERTURNED = "PARTIALLY_OVERTURNED"
    UPHELD = "UPHELD"
    EXPIRED = "EXPIRED"


class GlosaAction(StrEnum):
    DENY = "DENY"
    ACCEPT = "ACCEPT"
    APPEAL = "APPEAL"
    OVERTURN = "OVERTURN"
    OVERTURN_PARTIALLY = "OVERTURN_PARTIALLY"
    UPHOLD = "UPHOLD"
    EXPIRE = "EXPIRE"


TRANSITIONS: dict[tuple[GlosaStatus, GlosaAction], GlosaStatus] = {
    (GlosaStatus.OPEN, GlosaAction.ACCEPT): GlosaStatus.ACCEPTED,
    (GlosaStatus.OPEN, GlosaAction.APPEAL): GlosaStatus.APPEALED,
    (GlosaStatus.OPEN, GlosaAction.EXPIRE): GlosaStatus.EXPIRED,
    (GlosaStatus.APPEALED, GlosaAction.OVERTURN): GlosaStatus.OVERTURNED,
    (GlosaStatus.APPEALED, GlosaAction.OVERTURN_PARTIALLY): GlosaStatus.PARTIALLY_OVERTURNED,
    (GlosaStatus.APPEALED, GlosaAction.UPHOLD): GlosaStatus.UPHELD,
}

IN_DISPUTE = frozenset({GlosaStatus.OPEN, GlosaStatus.APPEALED})
WON = frozenset({GlosaStatus.OVERTURNED, GlosaStatus.PARTIALLY_OVERTURNED})
AFTER_APPEAL = frozenset({GlosaStatus.APPEALED, GlosaStatus.UPHELD}) | WON


WORDING: Final = {
    GlosaAction.DENY: "be denied again",
    GlosaAction.ACCEPT: "be accepted",
    GlosaAction.APPEAL: "be appealed",
    GlosaAction.EXPIRE: "expire",
}


def next_status(status: GlosaStatus, action: GlosaAction) -> GlosaStatus:
    """The state after the action; CONFLICT for every pair that the table does not name."""
    try:
        return TRANSITIONS[status, action]
    except KeyError:
        what = WORDING.get(action, "have an appeal answered")
        raise conflict(f"a denial that is {status} cannot {what}") from None


@dataclass(frozen=True, slots=True)
class Shares:
    """What has become of a denied amount, in cents: the three parts make up the whole."""

    in_dispute: Cents
    won: Cents
    lost: Cents


def shares(status: GlosaStatus, amount: Cents, appealed: Cents | None, answered: Cents | None) -> Shares:
    """How a glosa divides: an appeal for less than the whole gives up the rest, an answer settles all of it."""
    if status is GlosaStatus.OPEN:
        disputed, won = amount, Cents(0)
    elif status is GlosaStatus.APPEALED:
        disputed, won = appealed or Cents(0), Cents(0)
    else:
        disputed, won = Cents(0), answered or Cents(0)
    return Shares(disputed, won, Cents(amount - disputed - won))


def appeal_block(status: GlosaStatus, *, deadline: date, today: date) -> BillingError | None:
    """Why no appeal can be made: a second one (2904), too late (2909), or a closed glosa; None if it can."""
    if status in AFTER_APPEAL:
        return refuse(ErrorCode.APPEAL_EXISTS, "this denial has been appealed already", "id", "2904")
    if status is GlosaStatus.EXPIRED or (status is GlosaStatus.OPEN and today > deadline):
        message = f"the last day to appeal was {deadline.isoformat()}"
        return refuse(ErrorCode.APPEAL_TOO_LATE, message, "id", "2909")
    if status is not GlosaStatus.OPEN:
        return conflict(f"a denial that is {status} cannot {WORDING[GlosaAction.APPEAL]}")
    return None


def check_appeal(*, appealed: Cents, amount: Cents) -> None:
    """INVALID_AMOUNT unless above zero and at most what was denied."""
    if appealed <= 0:
        raise refuse(ErrorCode.INVALID_AMOUNT, "an appealed amount is above zero", "amount", "5040")
    if appealed > amount:
        raise refuse(ErrorCode.INVALID_AMOUNT, f"only {format_money(amount)} was denied", "amount")


def answer_action(*, accepted: Cents, appealed: Cents, amount: Cents) -> GlosaAction:
    """What an answer to an appeal amounts to; INVALID_AMOUNT when it gives more than was appealed."""
    if accepted > appealed:
        message = f"only {format_money(appealed)} was appealed"
        raise refuse(ErrorCode.INVALID_AMOUNT, message, "acceptedAmount")
    if accepted == 0:
        return GlosaAction.UPHOLD
    return GlosaAction.OVERTURN if accepted == amount else GlosaAction.OVERTURN_PARTIALLY
