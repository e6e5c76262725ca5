"""The days on which a claim bills something, and what refuses it on each of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from app.domain.errors import ErrorCode, Failure
from app.values.frozen import frozen

CARD_EXPIRED: Final = "1017"
AUTHORIZATION_EXPIRED: Final = "1414"
TOO_LATE: Final = "3214"
IN_FUTURE: Final = "3223"
AFTER_CONTRACT: Final = "3279"
OF_A_DAY: Final = frozenset({CARD_EXPIRED, AUTHORIZATION_EXPIRED, TOO_LATE, IN_FUTURE, AFTER_CONTRACT})
"""The codes of the failures below: at a field of the claim, they concern the items performed on the service date."""


@frozen
class ServiceDay:
    """A day of a claim: its service date, or the other day of the item at this place (from 0)."""

    day: date
    item: int | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return "the service date" if self.item is None else "the item's date"

    def field(self, of_claim: str = "serviceDate") -> str:
        """The path of the item's day; of the service date the field of the claim that is wrong on it."""
        return of_claim if self.item is None else f"items.{self.item}.performedOn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What bounds the days of a claim, each day included; None for no bound."""

    today: date
    window_days: int
    contract_ends_on: date | None = None
    card_valid_until: date | None = None
    authorization_valid_until: date | None = None


def service_days(service_date: date, item_days: Sequence[date | None]) -> list[ServiceDay]:
    """The service date if an item is performed on it (None, or the same day), and each other day of an item."""
    others = [ServiceDay(day, place) for place, day in enumerate(item_days) if day is not None and day != service_date]
    return others if others and len(others) == len(item_days) else [ServiceDay(service_date), *others]


def day_failures(service_date: date, days: Sequence[ServiceDay], limits: Limits) -> Iterator[Failure]:
    """Why the days of a claim are refused; the service date is never in the future, even if nothing is performed on
    it."""
    if service_date > limits.today:
        yield Failure(ErrorCode.INVALID_DATE, "the service date is in the future", "serviceDate", IN_FUTURE)
    for each in days:
        yield from _failures(each, limits)


def _failures(of: ServiceDay, limits: Limits) -> Iterator[Failure]:
    ends_on = limits.contract_ends_on
    if ends_on is not None and ends_on < of.day:
        message = f"the contract ended on {ends_on.isoformat()}, before {of.name}"
        yield Failure(ErrorCode.INVALID_DATE, message, of.field(), AFTER_CONTRACT)
    if limits.card_valid_until is not None and limits.card_valid_until < of.day:
        message = f"the card had expired on {of.name}"
        yield Failure(ErrorCode.INVALID_CARD, message, of.field("cardNumber"), CARD_EXPIRED)
    if of.item is not None and of.day > limits.today:
        yield Failure(ErrorCode.INVALID_DATE, "the item's date is in the future", of.field(), IN_FUTURE)
    if (limits.today - of.day).days > limits.window_days:
        message = f"{of.name} is more than {limits.window_days} days ago, the contract's submission window"
        yield Failure(ErrorCode.INVALID_DATE, message, of.field(), TOO_LATE)
    if limits.authorization_valid_until is not None and limits.authorization_valid_until < of.day:
        message = f"the authorization expired before {of.name}"
        yield Failure(
            ErrorCode.AUTHORIZATION_EXPIRED, message, of.field("authorization.validUntil"), AUTHORIZATION_EXPIRED
        )
