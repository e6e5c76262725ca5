"""Unapplied credits: money that a payer paid and no claim gets, until it settles an invoice or goes back."""

from app.domain.described import DescribedEnum
from app.domain.errors import ErrorCode, refuse
from app.domain.money import Cents, format_money


class CreditStep(DescribedEnum):
    """A use of a credit."""

    APPLY = "APPLY", "Settled an invoice."
    REFUND = "REFUND", "Given back to the payer."
    WITHDRAW = "WITHDRAW", "The line that it came from was taken back."
    REVERSE = "REVERSE", "An earlier use was reversed."


def check_use(*, amount: Cents, left: Cents) -> None:
    """INVALID_AMOUNT unless above zero and at most what is left of the credit."""
    if amount <= 0:
        raise refuse(ErrorCode.INVALID_AMOUNT, "use an amount above zero", "amount", "5040")
    if amount > left:
        raise refuse(ErrorCode.INVALID_AMOUNT, f"only {format_money(left)} of the credit is left", "amount")
