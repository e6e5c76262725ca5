"""Business days: deadlines, windows and payment dates are days in Brasília, not UTC."""

from datetime import date, datetime, timedelta, timezone
from typing import Final

# Brazil abolished daylight saving time in 2019: the offset is fixed and needs no time zone files.
BRASILIA: Final = timezone(timedelta(hours=-3), "BRT")


def business_day(moment: datetime) -> date:
    """The calendar day in Brasília at this (aware) moment."""
    return moment.astimezone(BRASILIA).date()
