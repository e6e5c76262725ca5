"""What claims, statement and bank show of one payment.

Example, in cents: a statement announces 148_50, a gross of 150_00 less 1_50 of IRRF. A line of 100_00 is posted (99_00
and 1_00 of IRRF), one of 50_00 is dismissed as a duplicate. The books have 99_00, the bank 148_50; the difference is
49_50, which is what was dismissed, less its share of the tax: EXPLAINED. If the second line becomes a credit instead,
the books have 148_50, and also after that credit went back to the payer: what has come is a fact, and so is what went.
"""

from collections.abc import Sequence
from typing import Final

from app.domain.deductions import Deduction, fitting
from app.domain.described import DescribedEnum
from app.domain.money import NO_CENTS, Cents
from app.values.frozen import frozen

REASONS_MAX: Final = 20


class ThreeWayStatus(DescribedEnum):
    UNPAID = "UNPAID", "The statement announces no payment."
    ANNOUNCED = "ANNOUNCED", "A payment is announced; the bank has not got it."
    UNPOSTED = "UNPOSTED", "The bank has got the payment, or it is 0.00; not all of it is in the books."
    EXPLAINED = "EXPLAINED", "The bank has got the payment; what of it is not in the books are dismissed lines."
    COMPLETE = "COMPLETE", "Claims, statement and bank show the same amount."


@frozen
class Dismissed:
    """What lines that were dismissed for one reason pay; below zero if they take back."""

    reason: str
    amount_cents: Cents


@frozen
class Booked:
    """What the books have of a payment, in cents, net of taxes and discounts but for what is left of credits.

    `settled` is less reversals; `left` is of credits of lines, `left_beside` of credits beside the claims, which bear
    no taxes. `kept_of_dismissed` are the taxes and discounts of the dismissed lines, `kept_beside` those that are above
    all that the statement pays.
    """

    settled: Cents
    left: Cents
    left_beside: Cents
    refunded: Cents
    dismissed: tuple[Dismissed, ...]
    kept_of_dismissed: Cents
    kept_beside: Cents

    @property
    def dismissed_net(self) -> Cents:
        """What of the announced payment the dismissed lines are."""
        return Cents(sum(each.amount_cents for each in self.dismissed) - self.kept_of_dismissed)


NOTHING_BOOKED: Final = Booked(NO_CENTS, NO_CENTS, NO_CENTS, NO_CENTS, (), NO_CENTS, NO_CENTS)


@frozen
class ThreeWay:
    """What claims, statement and bank show of one payment, in cents; days are None unless something is awaited."""

    status: ThreeWayStatus
    posted_cents: Cents
    announced_cents: Cents
    received_cents: Cents
    dismissed_cents: Cents
    dismissals: tuple[Dismissed, ...]
    waiting_days: int | None

    @property
    def difference_cents(self) -> Cents:
        """What is announced above what is in the books."""
        return Cents(self.announced_cents - self.posted_cents)


def kept_of_left(whole: Sequence[Deduction], *, left: Cents, gross: Cents) -> Cents:
    """The taxes and discounts that what is left of credits bears when it is used last; `gross` is what all lines pay.

    Shares are rounded down as they are given, so the last one is rounded up. Example: of 1_50 for 150_00, a credit of
    50_01 bears 51.
    """
    if gross <= 0:
        return NO_CENTS
    kept = sum(-(-each.amount * min(left, gross) // gross) for each in fitting(whole, gross))
    return Cents(min(kept, left))


def matched(*, posted: Cents, announced: Cents, dismissed: Cents) -> ThreeWayStatus:
    """How far a payment agrees that the bank has got."""
    if posted == announced:
        return ThreeWayStatus.COMPLETE
    return ThreeWayStatus.EXPLAINED if announced - posted == dismissed else ThreeWayStatus.UNPOSTED
