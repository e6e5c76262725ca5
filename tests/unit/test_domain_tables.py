"""What the domain's tables leave open: terminal states, decisions that do not settle a claim, boundaries of days."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import claims, invoices, settlements
from app.domain.claims import (
    ClaimAction,
    ClaimStatus,
    DeniedAmount,
    ItemDecision,
    decision_failures,
    outcome,
)
from app.domain.errors import BillingError, ErrorCode, Failure
from app.domain.invoices import InvoiceAction, InvoiceStatus, billing_month_failure, ledger_status
from app.domain.money import Cents
from app.domain.service_days import Limits, ServiceDay, day_failures, service_days
from app.domain.settlements import check_reversal, check_settlement

TERMINAL = {ClaimStatus.DENIED, ClaimStatus.CANCELLED}


def _claim_is_allowed(status: ClaimStatus, action: ClaimAction) -> bool:
    try:
        claims.next_status(status, action)
    except BillingError:
        return False
    return True


def test_no_action_leads_out_of_a_terminal_state_and_every_other_state_has_one() -> None:
    open_states = {status for status, action in product(ClaimStatus, ClaimAction) if _claim_is_allowed(status, action)}
    assert set(ClaimStatus) - open_states == TERMINAL


def test_every_state_of_a_claim_is_reached_from_a_draft() -> None:
    reached = {ClaimStatus.DRAFT}
    for _ in ClaimStatus:
        pairs = [pair for pair in product(sorted(reached), ClaimAction) if _claim_is_allowed(*pair)]
        reached |= {claims.next_status(*pair) for pair in pairs}
    assert reached == set(ClaimStatus)


@given(total=st.integers(1, 10**10), settled=st.integers(0, 10**10))
def test_the_ledger_alone_decides_the_status_of_an_issued_invoice(total: int, settled: int) -> None:
    expected = InvoiceStatus.PARTIALLY_SETTLED
    if settled == 0:
        expected = InvoiceStatus.ISSUED
    elif settled >= total:
        expected = InvoiceStatus.SETTLED
    assert ledger_status(Cents(total), Cents(settled)) is expected


@pytest.mark.parametrize("settled", [0, 1, 50, 99, 100])
@pytest.mark.parametrize("status", [InvoiceStatus.PARTIALLY_SETTLED, InvoiceStatus.SETTLED])
def test_a_reversal_goes_back_by_the_same_function_as_a_payment_goes_forward(
    status: InvoiceStatus, settled: int
) -> None:
    total = Cents(100)
    found = invoices.next_status(status, InvoiceAction.REVERSE, total=total, settled=Cents(settled))
    assert found is ledger_status(total, Cents(settled))


@pytest.mark.parametrize(
    ("amount", "due", "code"),
    [
        (1, 100, None),
        (100, 100, None),
        (101, 100, "OVER_SETTLEMENT"),
        (1, 0, "OVER_SETTLEMENT"),
        (0, 100, "INVALID_AMOUNT"),
        (-1, 100, "INVALID_AMOUNT"),
    ],
)
def test_a_settlement_is_above_zero_and_at_most_what_is_due(amount: int, due: int, code: str | None) -> None:
    assert _code_of_settlement(amount, due) == code


def _code_of_settlement(amount: int, due: int) -> str | None:
    try:
        check_settlement(amount=Cents(amount), due=Cents(due))
    except BillingError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("amount", "reversible", "code"),
    [
        (1, 100, None),
        (100, 100, None),
        (101, 100, "OVER_SETTLEMENT"),
        (0, 100, "INVALID_AMOUNT"),
        (1, 0, "OVER_SETTLEMENT"),
        (0, 0, "OVER_SETTLEMENT"),
    ],
)
def test_a_reversal_is_above_zero_and_at_most_what_is_left(amount: int, reversible: int, code: str | None) -> None:
    found = None
    try:
        check_reversal(amount=Cents(amount), reversible=Cents(reversible))
    except BillingError as error:
        found = error.code
    assert found == code


def _decision(sequence: int, approved: int, *denied: int) -> ItemDecision:
    return ItemDecision(sequence, Cents(approved), tuple(DeniedAmount("1801", Cents(amount)) for amount in denied))


TOTALS = {1: Cents(100), 2: Cents(37)}
WHOLE = [_decision(1, 60, 25, 15), _decision(2, 37)]


def _told(failures: list[Failure]) -> list[tuple[str, str | None, str | None]]:
    return [(failure.code.value, failure.field, failure.tiss_code) for failure in failures]


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        (WHOLE, []),
        (WHOLE[::-1], []),
        ([_decision(1, 0, 100), _decision(2, 0, 37)], []),
        ([_decision(1, 99), WHOLE[1]], [("INVALID_AMOUNT", "items.0.approvedAmount", None)]),
        ([WHOLE[1], _decision(1, 100, 1)], [("INVALID_AMOUNT", "items.1.approvedAmount", None)]),
        ([_decision(1, 100, 0), WHOLE[1]], [("INVALID_AMOUNT", "items.0.denials.0.amount", "5040")]),
        ([_decision(1, 101, -1), WHOLE[1]], [("INVALID_AMOUNT", "items.0.denials.0.amount", "5040")]),
        ([WHOLE[0]], [("INVALID_INPUT", "items", None)]),
        ([], [("INVALID_INPUT", "items", None)]),
        ([*WHOLE, WHOLE[0]], [("INVALID_INPUT", "items", None)]),
        ([*WHOLE, _decision(3, 1)], [("INVALID_INPUT", "items.2.sequence", None)]),
        (
            [_decision(0, 1, 0), _decision(1, 1)],
            [
                ("INVALID_INPUT", "items.0.sequence", None),
                ("INVALID_AMOUNT", "items.0.denials.0.amount", "5040"),
                ("INVALID_AMOUNT", "items.1.approvedAmount", None),
                ("INVALID_INPUT", "items", None),
            ],
        ),
    ],
    ids=[
        "each item once",
        "in any order",
        "all denied",
        "a cent too little",
        "a cent too much",
        "denial of nothing",
        "negative denial",
        "an item missing",
        "no items",
        "an item twice",
        "an unknown item",
        "several at once",
    ],
)
def test_a_decision_names_everything_that_keeps_it_from_settling_the_claim(
    decisions: list[ItemDecision], expected: list[tuple[str, str, str | None]]
) -> None:
    assert _told(decision_failures(TOTALS, decisions)) == expected


def _splits(total: int) -> st.SearchStrategy[ItemDecision]:
    return st.integers(0, total).map(
        lambda approved: _decision(1, approved, *([total - approved] * (approved < total)))
    )


@given(st.lists(st.integers(1, 10**6).flatmap(_splits), min_size=1, max_size=20))
def test_the_outcome_is_a_function_of_the_sums(decisions: list[ItemDecision]) -> None:
    approved, denied = sum(each.approved for each in decisions), sum(each.denied for each in decisions)
    expected = ClaimAction.APPROVE
    if denied:
        expected = ClaimAction.APPROVE_PARTIALLY if approved else ClaimAction.DENY
    assert outcome(decisions) is expected


TODAY = date(2026, 6, 15)


def _date_cases() -> Iterator[tuple[int, int | None, list[tuple[str, str, str]]]]:
    """(service day relative to today, last day of the authorization relative to the service, what is refused)."""
    yield 0, None, []
    yield -60, None, []
    yield -61, None, [("INVALID_DATE", "serviceDate", "3214")]
    yield 1, None, [("INVALID_DATE", "serviceDate", "3223")]
    yield 0, 0, []
    yield 0, -1, [("AUTHORIZATION_EXPIRED", "authorization.validUntil", "1414")]
    yield (
        -61,
        -1,
        [("INVALID_DATE", "serviceDate", "3214"), ("AUTHORIZATION_EXPIRED", "authorization.validUntil", "1414")],
    )


@pytest.mark.parametrize(("offset", "authorized", "expected"), list(_date_cases()))
def test_the_days_of_a_claim_count_to_the_day(
    offset: int, authorized: int | None, expected: list[tuple[str, str, str]]
) -> None:
    day = TODAY + timedelta(days=offset)
    until = None if authorized is None else day + timedelta(days=authorized)
    limits = Limits(today=TODAY, window_days=60, authorization_valid_until=until)
    assert _told(list(day_failures(day, service_days(day, [None]), limits))) == expected


def test_the_service_date_is_one_day_for_all_items_performed_on_it() -> None:
    before, later = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
    assert service_days(TODAY, [None, TODAY]) == [ServiceDay(TODAY)]
    assert service_days(TODAY, [before, None, before]) == [
        ServiceDay(TODAY),
        ServiceDay(before, 0),
        ServiceDay(before, 2),
    ]
    assert service_days(TODAY, [before, later]) == [ServiceDay(before, 0), ServiceDay(later, 1)]


def test_a_service_date_in_the_future_is_refused_even_if_nothing_is_performed_on_it() -> None:
    later = TODAY + timedelta(days=1)
    found = list(day_failures(later, service_days(later, [TODAY]), Limits(today=TODAY, window_days=60)))
    assert _told(found) == [("INVALID_DATE", "serviceDate", "3223")]


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("202601", True),
        ("202612", True),
        ("202600", False),
        ("202613", False),
        ("20261", False),
        ("2026-1", False),
        ("192601", False),
        ("202601\n", False),
        ("\uff12\uff1026\uff101", False),
        ("", False),
    ],
)
def test_a_competence_is_a_month_of_this_century(text: str, is_right: bool) -> None:
    found = billing_month_failure(text, "billingMonth")
    assert (found is None) is is_right
    if found is not None:
        assert (found.code, found.field, found.tiss_code) == (ErrorCode.INVALID_INPUT, "billingMonth", "5046")


def test_a_failure_seen_from_outside_keeps_its_code_and_number() -> None:
    inner = Failure(ErrorCode.INVALID_QUANTITY, "too small", "quantity", "1806")
    assert inner.under("items.3") == Failure(ErrorCode.INVALID_QUANTITY, "too small", "items.3.quantity", "1806")
    assert Failure(ErrorCode.CONFLICT, "no").under("claims.0").field == "claims.0"


def test_a_settlement_that_has_failed_or_arrived_stays_so() -> None:
    assert {status for status, _ in settlements.TRANSITIONS} == {settlements.SettlementStatus.PENDING}
