"""How long a denial can be appealed: from which day, in which days, and how often."""

from datetime import date, timedelta
from typing import Final

from app.domain.business_days import after_business_days
from app.domain.described import DescribedEnum
from app.domain.errors import ErrorCode, Failure
from app.values.frozen import frozen

INSTANCES_MAX: Final = 2


class ContractAppealClock(DescribedEnum):
    ISSUE = "ISSUE", "The day on which the payer issued the statement; the day of its receipt if it names none."
    RECEIPT = "RECEIPT", "The day on which the statement was imported."


class ContractAppealDaysKind(DescribedEnum):
    CALENDAR = "CALENDAR", "Every day counts."
    BUSINESS = "BUSINESS", "Weekends, national holidays and holidays of the provider's state do not count."


@frozen
class DenialDays:
    """The days of a denial: when the payer issued its statement, if it says so, and when the gateway got it.

    Of a decision that a person records, both are the day of the decision.
    """

    issued_on: date | None
    received_on: date


@frozen
class AppealTerms:
    """What a contract says of appeals; `state` is the provider's (code of table 59), None if it is not known.

    `instances` is how often a denial can be appealed that the payer upholds.
    """

    days: int
    clock: ContractAppealClock = ContractAppealClock.ISSUE
    days_kind: ContractAppealDaysKind = ContractAppealDaysKind.CALENDAR
    state: str | None = None
    instances: int = 1

    def last_day(self, denied: DenialDays) -> date:
        """The last day on which a denial of this day may be appealed.

        Example: 30 days, issued on 2026-10-05, received on 2026-11-26: 2026-11-04 by the day of issue, 2026-12-26 by
        the day of receipt.
        """
        issued_on = denied.issued_on if self.clock is ContractAppealClock.ISSUE else None
        # Nobody gets a statement before it is issued: such a date is a mistake, perhaps by thousands of years.
        start = min(issued_on or denied.received_on, denied.received_on)
        if self.days_kind is ContractAppealDaysKind.BUSINESS:
            return after_business_days(start, self.days, self.state)
        return start + timedelta(days=self.days)


def instances_failure(instances: int) -> Failure | None:
    """Why a contract cannot have so many instances of appeals."""
    if 1 <= instances <= INSTANCES_MAX:
        return None
    return Failure(ErrorCode.INVALID_INPUT, f"needs 1 to {INSTANCES_MAX} instances", "appealInstances")
