"""The contract between a provider and a payer: its terms in days, and its price list."""

from dataclasses import dataclass
from datetime import date, timedelta

from app.domain.errors import ErrorCode, Failure
from app.domain.money import Cents, Quantity

DAYS_MAX = 3650


@dataclass(frozen=True, slots=True)
class Terms:
    """How long things may take, in days: sending a claim, appealing a denial, paying an invoice."""

    submission_window_days: int
    appeal_deadline_days: int
    payment_term_days: int

    def last_appeal_day(self, decided_on: date) -> date:
        """The last day on which a denial of that day may be appealed."""
        return decided_on + timedelta(days=self.appeal_deadline_days)


@dataclass(frozen=True, slots=True)
class Price:
    """One agreed price of a code while it is valid (both days inside); `quantity_max` is per item."""

    table_code: str
    code: str
    unit_price: Cents
    valid_from: date
    valid_to: date | None = None
    quantity_max: Quantity | None = None
    needs_authorization: bool = False

    def is_valid_on(self, day: date) -> bool:
        """Whether this is the price of a service performed on that day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


def terms_failures(terms: Terms) -> list[Failure]:
    """Every term that is not 1 to 3650 days (a payment term may be 0)."""
    limits = {
        "submissionWindowDays": (terms.submission_window_days, 1),
        "appealDeadlineDays": (terms.appeal_deadline_days, 1),
        "paymentTermDays": (terms.payment_term_days, 0),
    }
    return [
        Failure(ErrorCode.INVALID_INPUT, f"needs {least} to {DAYS_MAX} days", field)
        for field, (days, least) in limits.items()
        if not least <= days <= DAYS_MAX
    ]


def price_failures(prices: tuple[Price, ...]) -> list[Failure]:
    """Prices of nothing, backward periods, and two prices of one code for the same day."""
    found: list[Failure] = []
    for index, price in enumerate(prices):
        if price.unit_price <= 0:
            message = "a price is above zero"
            found.append(Failure(ErrorCode.INVALID_AMOUNT, message, f"prices.{index}.unitPrice", "5040"))
        if price.valid_to is not None and price.valid_to < price.valid_from:
            message = "a price ends after it begins"
            found.append(Failure(ErrorCode.INVALID_DATE, message, f"prices.{index}.validTo"))
        if any(_overlap(price, other) for other in prices[:index]):
            message = f"code {price.code[:10]} has two prices for the same day"
            found.append(Failure(ErrorCode.INVALID_INPUT, message, f"prices.{index}.validFrom"))
    return found


def _overlap(one: Price, other: Price) -> bool:
    if (one.table_code, one.code) != (other.table_code, other.code):
        return False
    return one.is_valid_on(other.valid_from) or other.is_valid_on(one.valid_from)
