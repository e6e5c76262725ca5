"""The denial (glosa): its states, the appeal against it, and what of it is in dispute, won or lost."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from app.domain.described import DescribedEnum
from app.domain.errors import BillingError, ErrorCode, refuse, wrong_status
from app.domain.money import Cents, format_money
from app.values.frozen import frozen

JUSTIFICATION_MAX = 500
REPLACED = "another claim replaces the claim of this denial"
"""Why a denial cannot be accepted or appealed."""


class DenialStatus(DescribedEnum):
    OPEN = "OPEN", "Neither accepted nor appealed, or upheld with a second instance to appeal to."
    ACCEPTED = "ACCEPTED", "The provider accepted the loss."
    APPEALED = "APPEALED", "The provider appealed (recurso de glosa); the payer has not answered yet."
    OVERTURNED = "OVERTURNED", "The payer reversed the denial in full."
    PARTIALLY_OVERTURNED = "PARTIALLY_OVERTURNED", "The payer reversed the denial in part."
    UPHELD = "UPHELD", "The payer upheld the denial."
    EXPIRED = "EXPIRED", "The appeal deadline passed without an appeal."


class DenialAction(DescribedEnum):
    DENY = "DENY", "The payer denied the amount."
    ACCEPT = "ACCEPT", "The provider accepted the loss."
    APPEAL = "APPEAL", "The provider appealed (recurso de glosa)."
    WITHDRAW = "WITHDRAW", "The provider withdrew the appeal."
    OVERTURN = "OVERTURN", "The payer reversed the denial in full."
    OVERTURN_PARTIALLY = "OVERTURN_PARTIALLY", "The payer reversed the denial in part."
    UPHOLD = "UPHOLD", "The payer upheld the denial."
    UPHOLD_FIRST = "UPHOLD_FIRST", "The payer upheld the denial; it can be appealed in the second instance."
    ATTACH = "ATTACH", "A document was attached to the appeal."
    REMOVE_ATTACHMENT = "REMOVE_ATTACHMENT", "An attachment of the appeal was removed."
    EXPIRE = "EXPIRE", "The appeal deadline passed without an appeal."
    RECOVER = "RECOVER", "The payer paid the amount by itself, without an appeal that it had to answer."
    TAKE_BACK = "TAKE_BACK", "Whoever had accepted a difference as this denial took that back: the amount is due again."
    RECOVER_PART = "RECOVER_PART", "The payer paid a part, now a denial of its own; the rest stays as it was."


TRANSITIONS: dict[tuple[DenialStatus, DenialAction], DenialStatus] = {
    (DenialStatus.OPEN, DenialAction.ACCEPT): DenialStatus.ACCEPTED,
    (DenialStatus.OPEN, DenialAction.APPEAL): DenialStatus.APPEALED,
    (DenialStatus.OPEN, DenialAction.EXPIRE): DenialStatus.EXPIRED,
    (DenialStatus.OPEN, DenialAction.RECOVER): DenialStatus.OVERTURNED,
    (DenialStatus.ACCEPTED, DenialAction.RECOVER): DenialStatus.OVERTURNED,
    (DenialStatus.EXPIRED, DenialAction.RECOVER): DenialStatus.OVERTURNED,
    (DenialStatus.UPHELD, DenialAction.RECOVER): DenialStatus.OVERTURNED,
    **{
        (status, DenialAction.TAKE_BACK): DenialStatus.OVERTURNED
        for status in (DenialStatus.OPEN, DenialStatus.ACCEPTED, DenialStatus.EXPIRED)
    },
    (DenialStatus.OPEN, DenialAction.RECOVER_PART): DenialStatus.OPEN,
    (DenialStatus.ACCEPTED, DenialAction.RECOVER_PART): DenialStatus.ACCEPTED,
    (DenialStatus.EXPIRED, DenialAction.RECOVER_PART): DenialStatus.EXPIRED,
    (DenialStatus.UPHELD, DenialAction.RECOVER_PART): DenialStatus.UPHELD,
    (DenialStatus.APPEALED, DenialAction.WITHDRAW): DenialStatus.OPEN,
    (DenialStatus.APPEALED, DenialAction.ATTACH): DenialStatus.APPEALED,
    (DenialStatus.APPEALED, DenialAction.REMOVE_ATTACHMENT): DenialStatus.APPEALED,
    (DenialStatus.APPEALED, DenialAction.OVERTURN): DenialStatus.OVERTURNED,
    (DenialStatus.APPEALED, DenialAction.OVERTURN_PARTIALLY): DenialStatus.PARTIALLY_OVERTURNED,
    (DenialStatus.APPEALED, DenialAction.UPHOLD): DenialStatus.UPHELD,
    (DenialStatus.APPEALED, DenialAction.UPHOLD_FIRST): DenialStatus.OPEN,
}

IN_DISPUTE = frozenset({DenialStatus.OPEN, DenialStatus.APPEALED})
WON = frozenset({DenialStatus.OVERTURNED, DenialStatus.PARTIALLY_OVERTURNED})
RECOVERABLE = frozenset({DenialStatus.OPEN, DenialStatus.ACCEPTED, DenialStatus.EXPIRED, DenialStatus.UPHELD})
"""States of a denial whose amount the payer may still pay by itself, without an appeal that it has to answer."""
ANSWERED = frozenset({DenialStatus.UPHELD}) | WON
AFTER_APPEAL = frozenset({DenialStatus.APPEALED}) | ANSWERED

WORDING: Final = {
    DenialAction.DENY: "deny again",
    DenialAction.ACCEPT: "accept",
    DenialAction.APPEAL: "appeal",
    DenialAction.WITHDRAW: "withdraw the appeal of",
    DenialAction.ATTACH: "attach a document to the appeal of",
    DenialAction.REMOVE_ATTACHMENT: "remove an attachment of the appeal of",
    DenialAction.EXPIRE: "expire",
    DenialAction.RECOVER: "recover",
    DenialAction.TAKE_BACK: "take back",
    DenialAction.RECOVER_PART: "recover a part of",
}


def next_status(status: DenialStatus, action: DenialAction) -> DenialStatus:
    """The state after the action; CONFLICT for every pair that is not in the table."""
    try:
        return TRANSITIONS[status, action]
    except KeyError:
        verb = WORDING.get(action, "answer the appeal of")
        raise wrong_status(verb, "a denial", status) from None


@frozen
class Shares:
    """The parts of a denied amount, in cents; together they are the whole amount."""

    in_dispute: Cents
    won: Cents
    lost: Cents


def shares(status: DenialStatus, amount: Cents, appealed: Cents | None, answered: Cents | None) -> Shares:
    """How a denied amount divides; the rest of an appeal for less than the whole is lost at once.

    Example: 100_00 denied. Open: 100_00 in dispute. Appealed for 60_00: 60_00 in dispute, 40_00 lost. Answered with
    45_00: 45_00 won, 55_00 lost. Accepted or expired without an appeal: 100_00 lost. Open again after an appeal for
    60_00 that was upheld: 60_00 in dispute, 40_00 lost.
    """
    if status is DenialStatus.OPEN:
        disputed, won = amount if appealed is None else appealed, Cents(0)
    elif status is DenialStatus.APPEALED:
        disputed, won = appealed or Cents(0), Cents(0)
    else:
        disputed, won = Cents(0), answered or Cents(0)
    return Shares(disputed, won, Cents(amount - disputed - won))


def appeal_block(status: DenialStatus, *, deadline: date, today: date) -> BillingError | None:
    """Why no appeal can be made: a second one (2904), too late (2909), or a closed denial; None if it can."""
    if status in AFTER_APPEAL:
        return refuse(ErrorCode.APPEAL_EXISTS, "this denial has been appealed already", "id", "2904")
    if status is DenialStatus.EXPIRED or (status is DenialStatus.OPEN and today > deadline):
        message = f"the last day to appeal was {deadline.isoformat()}"
        return refuse(ErrorCode.APPEAL_TOO_LATE, message, "id", "2909")
    if status is not DenialStatus.OPEN:
        return wrong_status(WORDING[DenialAction.APPEAL], "a denial", status)
    return None


def contestable(amount: Cents, appealed: int | None, instance: int) -> Cents:
    """How much of a denied amount can be appealed: in the second instance, what was appealed in the first one."""
    return amount if instance == 1 or appealed is None else Cents(appealed)


def check_appeal(*, appealed: Cents, amount: Cents, instance: int = 1) -> None:
    """INVALID_AMOUNT unless above zero and at most what can be appealed."""
    if appealed <= 0:
        raise refuse(ErrorCode.INVALID_AMOUNT, "an appealed amount must be above zero", "amount", "5040")
    if appealed > amount:
        what = "denied" if instance == 1 else "appealed before"
        raise refuse(ErrorCode.INVALID_AMOUNT, f"only {format_money(amount)} was {what}", "amount")


def answer_action(*, accepted: Cents, appealed: Cents, amount: Cents, is_last: bool = True) -> DenialAction:
    """Which action an answer to an appeal is, of the last instance or not; INVALID_AMOUNT when it grants more than was
    appealed."""
    if accepted > appealed:
        message = f"only {format_money(appealed)} was appealed"
        raise refuse(ErrorCode.INVALID_AMOUNT, message, "acceptedAmount")
    if accepted == 0:
        return DenialAction.UPHOLD if is_last else DenialAction.UPHOLD_FIRST
    return DenialAction.OVERTURN if accepted == amount else DenialAction.OVERTURN_PARTIALLY


def recovered_by(paid: Cents, amounts: Sequence[Cents]) -> list[int] | None:
    """The places of the amounts that a payment covers, each as a whole, in order; None if some cents are left over."""
    rest, found = paid, []
    for place, amount in enumerate(amounts):
        if amount <= rest:
            found.append(place)
            rest = Cents(rest - amount)
    return None if rest else found
