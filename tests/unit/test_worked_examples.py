"""The examples in the docstrings of the money rules give what they say."""

from datetime import date

import pytest

from app.domain.allocation import spread, take_back
from app.domain.claims import DeniedAmount, ItemDecision
from app.domain.denials import DenialStatus, Shares, shares
from app.domain.errors import ErrorCode
from app.domain.money import FACTOR_ONE, Cents, Factor, Quantity, item_total
from app.domain.paid_lines import BilledItem, PaidLine
from app.domain.preflight import Finding, FindingSeverity, Item, total_at_risk
from app.domain.reconciliation import rate
from app.domain.remittances import (
    RemittanceLineProblem,
    decisions,
    lines_by_item,
    payment,
    repeated,
)

ONE, OTHER = BilledItem(1, "40304361", Cents(18_50)), BilledItem(2, "40304361", Cents(12_00))


def _line(paid: int, denied: int = 0, sequence: int | None = None, code: str | None = None) -> PaidLine:
    denials = (DeniedAmount("1705", Cents(denied)),) if denied else ()
    return PaidLine(sequence, code, Cents(paid), denials)


def _by_code(paid: int) -> PaidLine:
    return _line(paid, code="40304361")


def test_a_payment_fills_lines_in_order_and_comes_back_in_reverse() -> None:
    limits = [Cents(100_00), Cents(0), Cents(200_00)]
    paid = spread(Cents(250_00), limits)
    assert paid == [100_00, 0, 150_00]
    assert take_back(Cents(80_00), paid) == [0, 0, 80_00]
    assert spread(Cents(170_00), limits) == [100_00, 0, 70_00]


def test_lines_that_name_only_a_code_are_matched_by_their_amounts() -> None:
    lines = [_by_code(12_00), _by_code(18_50)]
    assert lines_by_item([ONE, OTHER], lines) == {2: lines[0], 1: lines[1]}


@pytest.mark.parametrize("paid", [[15_00], [12_00, 18_50, 12_00]])
def test_lines_that_fit_no_single_item_are_ambiguous(paid: list[int]) -> None:
    assert lines_by_item([ONE, OTHER], [_by_code(cents) for cents in paid]) is RemittanceLineProblem.AMBIGUOUS


def test_between_equal_items_the_first_is_chosen() -> None:
    line = _by_code(15_00)
    assert lines_by_item([BilledItem(1, "40304361", Cents(12_00)), OTHER], [line]) == {1: line}


def test_an_undecided_claim_is_decided_by_lines_for_every_cent() -> None:
    lines = [_line(18_50, sequence=1), _line(10_00, 2_00, sequence=2)]
    assert decisions([ONE, OTHER], lines) == (
        ItemDecision(1, Cents(18_50)),
        ItemDecision(2, Cents(10_00), (DeniedAmount("1705", Cents(2_00)),)),
    )
    assert decisions([ONE, OTHER], [lines[0], _line(9_00, 2_00, sequence=2)]) is RemittanceLineProblem.AMOUNTS_DIFFER


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([_line(18_50, sequence=1), _line(10_00, 2_00, sequence=2)], 28_50),
        ([_line(10_00, 3_00, sequence=2)], RemittanceLineProblem.AMOUNTS_DIFFER),
        ([_line(10_00)], 10_00),
        ([_line(30_00)], RemittanceLineProblem.OVERPAID),
    ],
)
def test_a_decided_claim_is_paid_at_most_what_is_due(
    lines: list[PaidLine], expected: int | RemittanceLineProblem
) -> None:
    items = [BilledItem(1, "40304361", Cents(18_50), Cents(0)), BilledItem(2, "40304361", Cents(12_00), Cents(2_00))]
    assert payment(items, lines, due=Cents(28_50)) == expected


def test_findings_on_one_item_multiply_what_they_leave_of_it() -> None:
    item = Item(
        "22", "40304361", date(2026, 3, 2), Quantity(2_0000), Cents(50_00), FACTOR_ONE, Cents(100_00), has_own_day=False
    )
    price, quantity = (
        Finding(FindingSeverity.WARNING, ErrorCode.INVALID_AMOUNT, "", f"items.0.{field}", None, Cents(risk))
        for field, risk in (("unitPrice", 20_00), ("quantity", 50_00))
    )
    assert total_at_risk([price], [item]) == 20_00
    assert total_at_risk([price, quantity], [item]) == 60_00


@pytest.mark.parametrize(
    ("status", "appealed", "answered", "expected"),
    [
        (DenialStatus.OPEN, None, None, (100_00, 0, 0)),
        (DenialStatus.APPEALED, 60_00, None, (60_00, 0, 40_00)),
        (DenialStatus.PARTIALLY_OVERTURNED, 60_00, 45_00, (0, 45_00, 55_00)),
        (DenialStatus.EXPIRED, None, None, (0, 0, 100_00)),
    ],
)
def test_a_denied_amount_is_in_dispute_won_or_lost(
    status: DenialStatus, appealed: int | None, answered: int | None, expected: tuple[int, int, int]
) -> None:
    cents = [None if value is None else Cents(value) for value in (appealed, answered)]
    assert shares(status, Cents(100_00), *cents) == Shares(*(Cents(part) for part in expected))


def test_totals_and_rates_round_half_up() -> None:
    assert item_total(Cents(18_50), Quantity(15_000), Factor(110)) == 30_53
    assert (rate(1, 3), rate(2, 3)) == (3333, 6667)


def test_a_number_that_several_items_have_is_read_by_code_day_and_amount() -> None:
    first, second = (date(2026, 11, day) for day in (1, 2))
    items = [
        BilledItem(1, "A", Cents(10_00), day=first),
        BilledItem(2, "B", Cents(10_00), day=first, document_sequence=1),
        BilledItem(3, "B", Cents(10_00), day=second, document_sequence=1),
        BilledItem(4, "B", Cents(25_00), day=second, document_sequence=1),
    ]
    by_day = PaidLine(1, "B", Cents(8_00), (DeniedAmount("1705", Cents(2_00)),), day=first)
    lines = [_line(25_00, sequence=1), PaidLine(1, "B", Cents(10_00), day=second), by_day, _line(10_00, 0, 1, "A")]
    assert lines_by_item(items, lines) == {4: lines[0], 3: lines[1], 2: lines[2], 1: lines[3]}
    assert repeated(items, lines) == frozenset()
    assert lines_by_item(items, [_line(9_00, sequence=1)]) is RemittanceLineProblem.AMBIGUOUS
    assert lines_by_item(items, [PaidLine(1, None, Cents(9_00), item=3)]) == {3: PaidLine(1, None, Cents(9_00), item=3)}
