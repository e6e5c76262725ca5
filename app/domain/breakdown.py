"""What sums can be grouped by, and the calendar months of a period."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from app.domain.described import DescribedEnum
from app.domain.reconciliation import Period

MONTHS_MAX: Final = 60


class BillingDimension(DescribedEnum):
    PAYER = "PAYER", "The payer."
    PROVIDER = "PROVIDER", "The provider."
    MONTH = "MONTH", "Month of submission, of a credit that of its creation. Needs a period."


class DenialDimension(DescribedEnum):
    CODE = "CODE", "Reason for the denial, a code of Tabela 38."
    PROCEDURE = "PROCEDURE", "Code of the denied item."
    PRACTITIONER = "PRACTITIONER", "Who performed the service: council, number and state."
    PAYER = "PAYER", "The payer."
    PROVIDER = "PROVIDER", "The provider."
    MONTH = "MONTH", "Month in which the claim was submitted. Needs a period."


def months_from(day: date) -> Iterator[Period]:
    """The month of this day and all that follow."""
    first = day.replace(day=1)
    while True:
        following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
        yield Period(first, following - date.resolution)
        first = following


def month_of(text: str) -> Period:
    """The days of a month such as `202611`."""
    return next(months_from(date(int(text[:4]), int(text[4:]), 1)))


def number_of_months(period: Period) -> int | None:
    """How many calendar months the period touches; None if one of its ends is open."""
    if period.first is None or period.last is None:
        return None
    return (period.last.year - period.first.year) * 12 + period.last.month - period.first.month + 1
