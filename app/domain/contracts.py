"""The contract between a provider and a payer: its terms in days, and its price list."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from app.domain.described import DescribedEnum
from app.domain.errors import ErrorCode, Failure, conflict, not_found, refuse
from app.domain.money import Cents, Quantity
from app.values.frozen import frozen

DAYS_MAX = 3650
PROVIDER_CODE_LENGTH_MAX: Final = 14


class TissVersion(DescribedEnum):
    V4_02_00 = "V4_02_00", "TISS 4.02.00."
    V4_03_00 = "V4_03_00", "TISS 4.03.00."

    @property
    def number(self) -> str:
        """As documents write it, such as 4.03.00."""
        return self.value[1:].replace("_", ".")


NEWEST_VERSION: Final = TissVersion.V4_03_00
"""The version of documents under a contract that names none."""


@frozen
class Terms:
    """Time limits in days: for sending a claim, appealing a denial and paying an invoice."""

    submission_window_days: int
    appeal_deadline_days: int
    payment_term_days: int


STANDARD_TERMS: Final = Terms(submission_window_days=180, appeal_deadline_days=30, payment_term_days=30)
"""Of a payer of which nothing else is known: half a year to send a claim, thirty days for the rest."""


@frozen
class Price:
    """The agreed price of a code from `valid_from` to `valid_to`, both included; `quantity_max` is per item."""

    code_system: str
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


def price_to_end(prices: Sequence[Price], last_day: date) -> int:
    """The place of the price that gets this last day, among all periods of one code.

    NOT_FOUND if the code has no price, INVALID_DATE if none is valid on that day, CONFLICT if it is the last one
    already. Example: 90_00 from January 1st to June 30th, then 95_00 without an end. Ending on May 31st shortens the
    first and leaves the second; to end all prices, end each.
    """
    if not prices:
        raise not_found("price of this code", "code")
    found = next((place for place, price in enumerate(prices) if price.is_valid_on(last_day)), None)
    if found is None:
        raise refuse(ErrorCode.INVALID_DATE, "the code has no price on this day", "validTo")
    if prices[found].valid_to == last_day:
        raise conflict("the price ends on this day already", "validTo")
    return found


def price_failures(prices: Sequence[Price], field: str, known: Sequence[Price] = ()) -> Iterator[Failure]:
    """Why prices are refused: not above zero, ending before they start, or two of one code for the same day.

    `known` are prices of the contract that stay; new ones must not overlap them either.
    """
    by_code: dict[tuple[str, str], list[Price]] = {}
    for price in known:
        by_code.setdefault((price.code_system, price.code), []).append(price)
    for index, price in enumerate(prices):
        yield from _price_failures(price, f"{field}.{index}")
        earlier = by_code.setdefault((price.code_system, price.code), [])
        if any(_overlap(price, other) for other in earlier):
            message = "the code has two prices for the same day"
            yield Failure(ErrorCode.INVALID_INPUT, message, f"{field}.{index}.validFrom")
        earlier.append(price)


def _price_failures(price: Price, path: str) -> Iterator[Failure]:
    if price.unit_price <= 0:
        yield Failure(ErrorCode.INVALID_AMOUNT, "a price must be above zero", f"{path}.unitPrice", "5040")
    if price.quantity_max is not None and price.quantity_max <= 0:
        message = "the largest quantity must be above zero"
        yield Failure(ErrorCode.INVALID_QUANTITY, message, f"{path}.quantityMax", "1806")
    if price.valid_to is not None and price.valid_to < price.valid_from:
        yield Failure(ErrorCode.INVALID_DATE, "a price must end after it starts", f"{path}.validTo")


def _overlap(one: Price, other: Price) -> bool:
    return one.is_valid_on(other.valid_from) or other.is_valid_on(one.valid_from)
