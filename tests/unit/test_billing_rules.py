"""The rules of payments, adjustments, preflight and rates: every boundary, every cent."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.allocation import spread, take_back
from app.domain.calendar import business_day
from app.domain.claims import ClaimStatus, invoicing_block, replacement_block
from app.domain.errors import BillingError, ErrorCode, Failure, StatusConflict
from app.domain.invoices import InvoiceLineKind, check_adjustment
from app.domain.money import CENTS_MAX, Cents, Factor, Quantity
from app.domain.preflight import Finding, FindingSeverity, Item, of_failures, total_at_risk
from app.domain.reconciliation import Period, Reconciliation, rate

DAY = date(2026, 6, 15)
ROOMS = st.lists(st.integers(0, 100_000).map(Cents), min_size=1, max_size=8)


def _refusal(ask: Callable[[], object]) -> Failure:
    with pytest.raises(BillingError) as refused:
        ask()
    (failure,) = refused.value.failures
    return failure


class TestAllocation:
    @given(rooms=ROOMS, data=st.data())
    def test_a_payment_fills_the_first_lines_before_the_next(self, rooms: list[Cents], data: st.DataObject) -> None:
        amount = Cents(data.draw(st.integers(0, sum(rooms))))
        parts = spread(amount, rooms)
        assert sum(parts) == amount
        assert all(0 <= part <= room for part, room in zip(parts, rooms, strict=True))
        touched = [index for index, part in enumerate(parts) if part]
        assert all(parts[index] == rooms[index] for index in range(max(touched, default=0)))

    @given(rooms=ROOMS, data=st.data())
    def test_what_is_taken_back_leaves_what_a_smaller_payment_would_have_left(
        self, rooms: list[Cents], data: st.DataObject
    ) -> None:
        paid = data.draw(st.integers(0, sum(rooms)))
        back = data.draw(st.integers(0, paid))
        held = spread(Cents(paid), rooms)
        taken = take_back(Cents(back), held)
        left = [have - gone for have, gone in zip(held, taken, strict=True)]
        assert left == spread(Cents(paid - back), rooms)

    @given(rooms=ROOMS, excess=st.integers(1, 1_000))
    def test_more_than_there_is_room_for_is_refused(self, rooms: list[Cents], excess: int) -> None:
        with pytest.raises(ValueError, match=f"{excess} cents are above the limits"):
            spread(Cents(sum(rooms) + excess), rooms)
        with pytest.raises(ValueError, match=f"{excess} cents are above the limits"):
            take_back(Cents(sum(rooms) + excess), rooms)


@pytest.mark.parametrize(
    ("kind", "amount", "settled", "refusal"),
    [
        (InvoiceLineKind.CREDIT, 0, 0, "5040"),
        (InvoiceLineKind.DEBIT, 0, 0, "5040"),
        (InvoiceLineKind.CREDIT, 1, 100, None),
        (InvoiceLineKind.CREDIT, CENTS_MAX - 100, 0, None),
        (InvoiceLineKind.CREDIT, CENTS_MAX - 99, 0, "amount"),
        (InvoiceLineKind.DEBIT, 99, 0, None),
        (InvoiceLineKind.DEBIT, 100, 0, "amount"),
        (InvoiceLineKind.DEBIT, 60, 40, None),
        (InvoiceLineKind.DEBIT, 61, 40, "amount"),
    ],
)
def test_an_adjustment_keeps_the_total_above_zero_and_above_what_is_settled(
    kind: InvoiceLineKind, amount: int, settled: int, refusal: str | None
) -> None:
    def ask() -> None:
        check_adjustment(kind=kind, amount=Cents(amount), total=Cents(100), settled=Cents(settled))

    if refusal is None:
        ask()
    else:
        failure = _refusal(ask)
        assert (failure.code, failure.field) == (ErrorCode.INVALID_AMOUNT, "amount")
        assert failure.tiss_code == ("5040" if refusal == "5040" else None)


def _of_status(message: str, status: ClaimStatus) -> Failure:
    return StatusConflict(ErrorCode.CONFLICT, message, "id", status=status)


def _conflict(message: str | None) -> Failure | None:
    return None if message is None else Failure(ErrorCode.CONFLICT, message, "id")


S = ClaimStatus
DECIDED = {S.APPROVED, S.PARTIALLY_APPROVED, S.DENIED}


@pytest.mark.parametrize("status", S)
def test_only_a_decided_claim_is_replaced_and_each_reason_is_named(status: ClaimStatus) -> None:
    undecided = _of_status(f"a claim that is {status} has no decision to correct", status)
    cases = {
        (False, False, False): None,
        (False, True, False): "another claim replaces it already",
        (True, False, False): "it is on an invoice: cancel the invoice first",
        (False, False, True): "an appeal against one of its denials has been made",
        (True, True, True): "another claim replaces it already",
    }
    for (billed, replaced, appealed), reason in cases.items():
        found = replacement_block(status, is_billed=billed, is_replaced=replaced, is_appealed=appealed)
        assert found == (_conflict(reason) if status in DECIDED else undecided)


@pytest.mark.parametrize("status", S)
def test_only_a_claim_with_something_approved_is_invoiced_and_only_once(status: ClaimStatus) -> None:
    nothing = _of_status(f"a claim that is {status} has nothing to bill", status)
    cases = {(False, False): None, (True, False): "it is already on an invoice", (False, True): "another claim"}
    for (billed, replaced), reason in cases.items():
        found = invoicing_block(status, Cents(1), is_billed=billed, is_replaced=replaced)
        if status not in {S.APPROVED, S.PARTIALLY_APPROVED}:
            assert found == nothing
        else:
            assert found == _conflict("another claim replaces it" if replaced else reason)
        for approved in (None, Cents(0)):
            assert invoicing_block(status, approved, is_billed=billed, is_replaced=replaced) == nothing


def _billed(*totals: int) -> list[Item]:
    return [_item(each) for each in totals]


def _item(total: int, *, has_own_day: bool = False) -> Item:
    return Item("22", "X", DAY, Quantity(10_000), Cents(total), Factor(100), Cents(total), has_own_day)


def _finding(field: str | None, risk: int) -> Finding:
    return Finding(FindingSeverity.WARNING, ErrorCode.INVALID_AMOUNT, "", field, None, Cents(risk))


class TestAmountAtRisk:
    @pytest.mark.parametrize(
        ("findings", "total"),
        [
            ([], 0),
            ([("items.0.unitPrice", 10)], 10),
            ([("items.0.unitPrice", 10), ("items.1", 7)], 17),
            ([("items.0", 100), ("items.0.code", 100)], 100),
            ([("items.0", 100), ("serviceDate", 150)], 150),
            ([(None, 150), ("items.1", 50)], 150),
            ([("serviceDate", 0), ("items.1", 50)], 50),
        ],
    )
    def test_counts_an_item_once_and_the_whole_claim_at_most(
        self, findings: list[tuple[str | None, int]], total: int
    ) -> None:
        assert total_at_risk([_finding(*each) for each in findings], _billed(100, 50)) == total

    @pytest.mark.parametrize(
        ("findings", "total"),
        [
            ([("serviceDate", 150)], 150),
            ([("serviceDate", 170)], 170),
            ([("serviceDate", 150), ("cardNumber", 150)], 150),
            ([("serviceDate", 150), ("items.1.performedOn", 20)], 170),
            ([("items.0.unitPrice", 10), ("items.1.unitPrice", 5), ("serviceDate", 150)], 155),
            ([("cardNumber", 170), ("items.1.performedOn", 20)], 170),
        ],
    )
    def test_a_finding_on_the_service_date_counts_what_was_performed_on_it(
        self, findings: list[tuple[str | None, int]], total: int
    ) -> None:
        items = [_item(100), _item(20, has_own_day=True), _item(50)]
        assert total_at_risk([_finding(*each) for each in findings], items) == total

    def test_a_failure_of_the_service_date_risks_what_was_performed_on_it(self) -> None:
        failures = [
            Failure(ErrorCode.INVALID_DATE, "", "serviceDate", "3214"),
            Failure(ErrorCode.INVALID_CARD, "", "cardNumber", "1001"),
        ]
        items = [_item(100), _item(20, has_own_day=True)]
        assert [each.amount_at_risk for each in of_failures(failures, items)] == [100, 120]
        assert of_failures(failures[:1], items[1:])[0].amount_at_risk == 20

    def test_a_failure_of_an_item_risks_that_item_and_any_other_the_claim(self) -> None:
        fields = ["items.1.code", "items.1", "items.9.code", "items", "cardNumber", None]
        failures = [Failure(ErrorCode.INVALID_INPUT, "", field) for field in fields]
        found = of_failures(failures, _billed(100, 50))
        assert [each.amount_at_risk for each in found] == [50, 50, 150, 150, 150, 150]
        assert {each.severity for each in found} == {FindingSeverity.ERROR}


@given(part=st.integers(0, 10**10), whole=st.integers(1, 10**10))
def test_a_rate_is_the_share_in_ten_thousandths_rounded_half_up(part: int, whole: int) -> None:
    exact = Fraction(part * 10_000, whole)
    assert rate(part, whole) == (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)


def test_a_rate_of_nothing_is_none_and_half_goes_up() -> None:
    assert rate(0, 0) is None
    assert [rate(1, 20_000), rate(1, 20_001), rate(1, 4), rate(2, 3), rate(5, 5)] == [1, 0, 2_500, 6_667, 10_000]


def test_the_day_turns_in_brasilia_three_hours_after_utc() -> None:
    before = datetime(2026, 6, 15, 2, 59, 59, 999_999, tzinfo=UTC)
    assert business_day(before) == date(2026, 6, 14)
    assert business_day(datetime(2026, 6, 15, 3, 0, tzinfo=UTC)) == date(2026, 6, 15)


def test_a_period_takes_both_its_days_whole() -> None:
    period = Period(DAY, DAY)
    assert period.begins_at == datetime(2026, 6, 15, 3, 0, tzinfo=UTC)
    assert period.ends_before == datetime(2026, 6, 16, 3, 0, tzinfo=UTC)
    assert (Period().begins_at, Period().ends_before) == (None, None)


def test_what_no_part_explains_is_left_over() -> None:
    # The last two explain nothing: what is underpaid is awaited, and what is unapplied belongs to no billed amount.
    parts = [Cents(each) for each in (100, 33, 28, 20, 10, 7, 2, 5, 4)]
    assert Reconciliation(*parts).unexplained_cents == 0
    assert Reconciliation(Cents(101), *parts[1:]).unexplained_cents == 1
