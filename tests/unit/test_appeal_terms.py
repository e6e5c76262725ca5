"""The last day to appeal: its start, its days, and the holidays of every state."""

from datetime import date

import pytest

from app.domain.appeal_terms import AppealTerms, ContractAppealClock, ContractAppealDaysKind, DenialDays
from app.domain.business_days import after_business_days, easter_sunday, holidays
from app.domain.code_tables import STATES

READ_LATE = DenialDays(date(2026, 10, 5), date(2026, 11, 26))
IN_JULY = DenialDays(date(2026, 7, 3), date(2026, 7, 3))
BUSINESS = ContractAppealDaysKind.BUSINESS
RECEIPT = ContractAppealClock.RECEIPT
# State -> its holidays of 2026 that are no weekend, beside the national ones. That of Acre on November 17th, a Tuesday,
# moves to the 20th, which is a national one.
OWN_HOLIDAYS = {
    "11": ["06-18"],
    "12": ["01-23", "06-15"],
    "14": ["10-05"],
    "16": ["03-19"],
    "17": ["03-18", "09-08", "10-05"],
    "21": ["07-28"],
    "22": ["10-19"],
    "23": ["03-19", "03-25"],
    "24": ["08-07"],
    "25": ["08-05"],
    "26": ["03-06"],
    "27": ["06-24", "06-29", "09-16", "11-30"],
    "28": ["07-08"],
    "29": ["07-02"],
    "32": ["04-13"],
    "33": ["02-17", "04-23"],
    "35": ["07-09"],
    "53": ["11-30"],
}


@pytest.mark.parametrize(
    ("terms", "denied", "last"),
    [
        (AppealTerms(30), READ_LATE, date(2026, 11, 4)),
        (AppealTerms(30, RECEIPT), READ_LATE, date(2026, 12, 26)),
        (AppealTerms(30), DenialDays(None, date(2026, 11, 26)), date(2026, 12, 26)),
        # From Monday the 5th: the 12th and the 2nd of November are holidays everywhere.
        (AppealTerms(20, days_kind=BUSINESS), READ_LATE, date(2026, 11, 4)),
        # In São Paulo the 9th of July is one; in Bahia the 2nd.
        (
            AppealTerms(5, days_kind=BUSINESS, state="35"),
            IN_JULY,
            date(2026, 7, 13),
        ),
        (
            AppealTerms(5, days_kind=BUSINESS, state="29"),
            IN_JULY,
            date(2026, 7, 10),
        ),
        (AppealTerms(2, RECEIPT, BUSINESS), READ_LATE, date(2026, 11, 30)),
    ],
)
def test_the_last_day_to_appeal(terms: AppealTerms, denied: DenialDays, last: date) -> None:
    assert terms.last_day(denied) == last


def test_national_holidays_and_those_of_every_state() -> None:
    national = holidays(2026, None)
    assert sorted(f"{day:%m-%d}" for day in national) == [
        *("01-01", "04-03", "04-21", "05-01", "09-07", "10-12", "11-02", "11-15", "11-20", "12-25")
    ]
    own = {state: sorted(day for day in holidays(2026, state) - national if day.weekday() < 5) for state in STATES}
    assert {state: [f"{day:%m-%d}" for day in days] for state, days in own.items() if days} == OWN_HOLIDAYS


@pytest.mark.parametrize(
    ("year", "day"), [(2000, "04-23"), (2024, "03-31"), (2025, "04-20"), (2026, "04-05"), (2038, "04-25")]
)
def test_easter(year: int, day: str) -> None:
    assert f"{easter_sunday(year):%m-%d}" == day


def test_no_business_day_is_the_day_itself() -> None:
    assert after_business_days(date(2026, 10, 10), 0, None) == date(2026, 10, 10)
    assert after_business_days(date(2026, 10, 9), 1, None) == date(2026, 10, 13)
