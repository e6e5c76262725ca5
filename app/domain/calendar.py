"""The day that counts: deadlines, windows and payment dates follow Brasília, not UTC."""

from datetime import date, datetime, timedelta, timezone
from typing import Final

# Brazil gave up daylight saving time in 2019: the offset is fixed and needs no time zone files.
BRASILIA: Final = timezone(timedelta(hours=-3), "BRT")


def business_day(moment: datetime) -> date:
    """The calendar day in Brasília at this (aware) moment."""
    return moment.astimezone(BRASILIA).date()
