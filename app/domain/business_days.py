"""Business days in a state of Brazil: no weekends, no national holidays, and none of the state.

Days on which only a city rests, and days off that are no holidays by law (carnival outside of Rio de Janeiro, Corpus
Christi), count.
"""

from datetime import date, timedelta
from functools import lru_cache
from typing import Final

MonthDay = tuple[int, int]
NATIONAL: Final[tuple[MonthDay, ...]] = (
    (1, 1),
    (4, 21),
    (5, 1),
    (9, 7),
    (10, 12),
    (11, 2),
    (11, 15),
    (11, 20),
    (12, 25),
)
"""Of the whole country (laws 662/1949, 6.802/1980, 9.093/1995 and 14.759/2023), beside Good Friday."""
OF_STATE: Final[dict[str, tuple[MonthDay, ...]]] = {
    "11": ((1, 4), (6, 18)),
    "12": ((6, 15),),
    "13": ((9, 5),),
    "14": ((10, 5),),
    "15": ((8, 15),),
    "16": ((3, 19), (7, 25), (9, 13)),
    "17": ((3, 18), (9, 8), (10, 5)),
    "21": ((7, 28),),
    "22": ((10, 19),),
    "23": ((3, 19), (3, 25), (8, 15)),
    "24": ((8, 7), (10, 3)),
    "25": ((8, 5),),
    "26": ((3, 6),),
    "27": ((6, 24), (6, 29), (9, 16), (11, 30)),
    "28": ((7, 8),),
    "29": ((7, 2),),
    "33": ((4, 23),),
    "35": ((7, 9),),
    "43": ((9, 20),),
    "50": ((10, 11),),
    "52": ((7, 26), (10, 24)),
    "53": ((11, 30),),
}
"""State (code of table 59) -> its holidays that have a fixed day. Santa Catarina's are always on a Sunday."""
EASTER_OFFSETS: Final[dict[str, tuple[int, ...]]] = {"32": (8,), "33": (-47,)}
"""State -> its holidays in days after Easter: Our Lady of Penha, and the Tuesday of carnival."""
ACRE: Final = "12"
MOVED_TO_FRIDAY: Final[tuple[MonthDay, ...]] = ((1, 23), (3, 8), (9, 5), (11, 17))
"""Holidays of Acre, which rests on the Friday when they are on a Tuesday, Wednesday or Thursday (law 2.126/2009)."""
TUESDAY, THURSDAY, FRIDAY, SATURDAY = 1, 3, 4, 5


def is_business_day(day: date, state: str | None) -> bool:
    """Whether people work on this day; without a state, only national holidays count."""
    return day.weekday() < SATURDAY and day not in holidays(day.year, state)


def after_business_days(day: date, count: int, state: str | None) -> date:
    """The last of so many business days after this day, which does not count itself.

    Example: one business day after Friday 2026-10-09 is Tuesday 2026-10-13, since the 12th is a holiday.
    """
    while count:
        day += timedelta(days=1)
        count -= is_business_day(day, state)
    return day


@lru_cache(maxsize=256)
def holidays(year: int, state: str | None) -> frozenset[date]:
    """The national holidays of the year and those of the state."""
    easter = easter_sunday(year)
    fixed = (*NATIONAL, *OF_STATE.get(state or "", ()))
    moving = (-2, *EASTER_OFFSETS.get(state or "", ()))
    found = {date(year, *each) for each in fixed} | {easter + timedelta(days=each) for each in moving}
    if state == ACRE:
        found |= {_moved(date(year, *each)) for each in MOVED_TO_FRIDAY}
    return frozenset(found)


def _moved(day: date) -> date:
    is_moved = TUESDAY <= day.weekday() <= THURSDAY
    return day + timedelta(days=FRIDAY - day.weekday()) if is_moved else day


def easter_sunday(year: int) -> date:
    """Easter by the Gregorian calendar (the anonymous algorithm of 1876, as Meeus and Butcher give it)."""
    golden = year % 19
    century, years = divmod(year, 100)
    leaps, rest = divmod(century, 4)
    moon = (19 * golden + century - leaps - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    quarters, left = divmod(years, 4)
    weekday = (32 + 2 * rest + 2 * quarters - moon - left) % 7
    shift = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)
