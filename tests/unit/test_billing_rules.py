"""The rules of appeals, adjustments, remittances, preflight and rates: every state, every boundary, every cent."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import denials, remittances
from app.domain.allocation import spread, take_back
from app.domain.calendar import business_day
from app.domain.claims import ClaimStatus, DeniedAmount, ItemDecision, invoicing_block, replacement_block
from app.domain.denials import DenialAction, DenialStatus, Shares, answer_action, appeal_block, check_appeal, shares
from app.domain.errors import BillingError, ErrorCode, Failure
from app.domain.invoices import InvoiceLineKind, check_adjustment
from app.domain.money import CENTS_MAX, Cents, Factor, Quantity
from app.domain.preflight import Finding, FindingSeverity, Item, of_failures, total_at_risk
from app.domain.reconciliation import Period, Reconciliation, rate
from app.domain.remittances import (
    BilledItem,
    PaidLine,
    RemittanceLineAction,
    RemittanceLineProblem,
    RemittanceLineStatus,
    RemittanceStatus,
    payment,
    remittance_status,
)

G, A = DenialStatus, DenialAction
DENIAL_STEPS = {
    (G.OPEN, A.ACCEPT): G.ACCEPTED,
    (G.OPEN, A.APPEAL): G.APPEALED,
    (G.OPEN, A.EXPIRE): G.EXPIRED,
    (G.APPEALED, A.WITHDRAW): G.OPEN,
    (G.APPEALED, A.OVERTURN): G.OVERTURNED,
    (G.APPEALED, A.OVERTURN_PARTIALLY): G.PARTIALLY_OVERTURNED,
    (G.APPEALED, A.UPHOLD): G.UPHELD,
}
L, B = RemittanceLineStatus, RemittanceLineAction
LINE_STEPS = {
    (L.UNMATCHED, B.MATCH): L.MATCHED,
    (L.MATCHED, B.MATCH): L.MATCHED,
    (L.MATCHED, B.POST): L.POSTED,
    (L.MATCHED, B.PUT_BACK): L.UNMATCHED,
    (L.MATCHED, B.UNMATCH): L.UNMATCHED,
    (L.UNMATCHED, B.DISMISS): L.DISMISSED,
    (L.DISMISSED, B.MATCH): L.MATCHED,
    (L.MATCHED, B.CANCEL): L.CANCELLED,
    (L.UNMATCHED, B.CANCEL): L.CANCELLED,
    (L.DISMISSED, B.CANCEL): L.CANCELLED,
}
DAY = date(2026, 6, 15)
BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)
AMOUNTS = st.integers(1, CENTS_MAX)
ROOMS = st.lists(st.integers(0, 100_000).map(Cents), min_size=1, max_size=8)


def _refusal(ask: Callable[[], object]) -> Failure:
    with pytest.raises(BillingError) as refused:
        ask()
    (failure,) = refused.value.failures
    return failure


class TestDenial:
    @pytest.mark.parametrize("status", G)
    @pytest.mark.parametrize("action", A)
    def test_takes_exactly_the_steps_of_its_table(self, status: DenialStatus, action: DenialAction) -> None:
        if (status, action) in DENIAL_STEPS:
            assert denials.next_status(status, action) is DENIAL_STEPS[status, action]
        else:
            assert _refusal(lambda: denials.next_status(status, action)).code is ErrorCode.CONFLICT

    @given(status=st.sampled_from(G), amount=AMOUNTS, data=st.data())
    def test_its_shares_are_never_negative_and_add_up(
        self, status: DenialStatus, amount: int, data: st.DataObject
    ) -> None:
        appealed = answered = None
        if status in denials.AFTER_APPEAL:
            appealed = Cents(data.draw(st.integers(1, amount)))
        if status in denials.AFTER_APPEAL and status is not G.APPEALED:
            answered = Cents(data.draw(st.integers(0, appealed or 0)))
        found = shares(status, Cents(amount), appealed, answered)
        assert found.in_dispute + found.won + found.lost == amount
        assert min(found.in_dispute, found.won, found.lost) >= 0

    @pytest.mark.parametrize(
        ("status", "appealed", "answered", "found"),
        [
            (G.OPEN, None, None, (100, 0, 0)),
            (G.ACCEPTED, None, None, (0, 0, 100)),
            (G.EXPIRED, None, None, (0, 0, 100)),
            (G.APPEALED, 100, None, (100, 0, 0)),
            (G.APPEALED, 70, None, (70, 0, 30)),
            (G.OVERTURNED, 100, 100, (0, 100, 0)),
            (G.PARTIALLY_OVERTURNED, 70, 70, (0, 70, 30)),
            (G.PARTIALLY_OVERTURNED, 70, 1, (0, 1, 99)),
            (G.UPHELD, 100, 0, (0, 0, 100)),
        ],
    )
    def test_divides_into_disputed_won_and_lost(
        self, status: DenialStatus, appealed: int | None, answered: int | None, found: tuple[int, int, int]
    ) -> None:
        given_up = None if appealed is None else Cents(appealed)
        back = None if answered is None else Cents(answered)
        assert shares(status, Cents(100), given_up, back) == Shares(*(Cents(each) for each in found))

    @pytest.mark.parametrize("status", G)
    @pytest.mark.parametrize("today", [BEFORE, DAY, AFTER])
    def test_is_appealed_once_and_until_its_deadline(self, status: DenialStatus, today: date) -> None:
        block = appeal_block(status, deadline=DAY, today=today)
        late, again = (ErrorCode.APPEAL_TOO_LATE, "2909"), (ErrorCode.APPEAL_EXISTS, "2904")
        expected = {
            G.OPEN: late if today > DAY else None,
            G.ACCEPTED: (ErrorCode.CONFLICT, None),
            G.EXPIRED: late,
            G.APPEALED: again,
            G.UPHELD: again,
            G.OVERTURNED: again,
            G.PARTIALLY_OVERTURNED: again,
        }
        found = None if block is None else (block.failures[0].code, block.failures[0].tiss_code)
        assert found == expected[status]

    @pytest.mark.parametrize(
        ("accepted", "appealed", "action"),
        [
            (0, 100, A.UPHOLD),
            (0, 40, A.UPHOLD),
            (1, 100, A.OVERTURN_PARTIALLY),
            (99, 100, A.OVERTURN_PARTIALLY),
            (100, 100, A.OVERTURN),
            (40, 40, A.OVERTURN_PARTIALLY),
        ],
    )
    def test_an_answer_overturns_it_only_when_all_of_it_is_given(
        self, accepted: int, appealed: int, action: DenialAction
    ) -> None:
        assert answer_action(accepted=Cents(accepted), appealed=Cents(appealed), amount=Cents(100)) is action

    def test_an_answer_gives_at_most_what_was_appealed(self) -> None:
        refused = _refusal(lambda: answer_action(accepted=Cents(41), appealed=Cents(40), amount=Cents(100)))
        assert refused == Failure(ErrorCode.INVALID_AMOUNT, "only 0.40 was appealed", "acceptedAmount")

    def test_an_appeal_is_above_zero_and_at_most_the_denial(self) -> None:
        check_appeal(appealed=Cents(1), amount=Cents(100))
        check_appeal(appealed=Cents(100), amount=Cents(100))
        zero = _refusal(lambda: check_appeal(appealed=Cents(0), amount=Cents(100)))
        more = _refusal(lambda: check_appeal(appealed=Cents(101), amount=Cents(100)))
        assert (zero.code, zero.field, zero.tiss_code) == (ErrorCode.INVALID_AMOUNT, "amount", "5040")
        assert more == Failure(ErrorCode.INVALID_AMOUNT, "only 1.00 was denied", "amount")


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


S = ClaimStatus
DECIDED = {S.APPROVED, S.PARTIALLY_APPROVED, S.DENIED}


@pytest.mark.parametrize("status", S)
def test_only_a_decided_claim_is_replaced_and_each_reason_is_named(status: ClaimStatus) -> None:
    undecided = f"a claim that is {status} has no decision to correct"
    cases = {
        (False, False, False): None,
        (False, True, False): "another claim replaces it already",
        (True, False, False): "it is on an invoice: cancel the invoice first",
        (False, False, True): "an appeal against one of its denials has been made",
        (True, True, True): "another claim replaces it already",
    }
    for (billed, replaced, appealed), reason in cases.items():
        found = replacement_block(status, is_billed=billed, is_replaced=replaced, is_appealed=appealed)
        assert found == (reason if status in DECIDED else undecided)


@pytest.mark.parametrize("status", S)
def test_only_a_claim_with_something_approved_is_invoiced_and_only_once(status: ClaimStatus) -> None:
    nothing = f"a claim that is {status} has nothing to bill"
    cases = {(False, False): None, (True, False): "it is already on an invoice", (False, True): "another claim"}
    for (billed, replaced), reason in cases.items():
        found = invoicing_block(status, Cents(1), is_billed=billed, is_replaced=replaced)
        if status not in {S.APPROVED, S.PARTIALLY_APPROVED}:
            assert found == nothing
        else:
            assert found == ("another claim replaces it" if replaced else reason)
        for approved in (None, Cents(0)):
            assert invoicing_block(status, approved, is_billed=billed, is_replaced=replaced) == nothing


def _line(sequence: int | None, code: str | None, paid: int, *denied: int) -> PaidLine:
    return PaidLine(sequence, code, Cents(paid), tuple(DeniedAmount("1705", Cents(each)) for each in denied))


def _item(sequence: int, code: str, total: int, denied: int | None = None) -> BilledItem:
    return BilledItem(sequence, code, Cents(total), None if denied is None else Cents(denied))


def _decision(sequence: int, approved: int, *denied: int) -> ItemDecision:
    return ItemDecision(sequence, Cents(approved), tuple(DeniedAmount("1705", Cents(each)) for each in denied))


ONE = (_item(1, "X", 100),)
TWO = (_item(1, "X", 100), _item(2, "Y", 50))
TWINS = (_item(1, "X", 100), _item(2, "X", 50))
SAME = (_item(1, "X", 100), _item(2, "X", 100))


class TestRemittance:
    @pytest.mark.parametrize("status", L)
    @pytest.mark.parametrize("action", B)
    def test_a_line_takes_exactly_the_steps_of_its_table(
        self, status: RemittanceLineStatus, action: RemittanceLineAction
    ) -> None:
        if (status, action) in LINE_STEPS:
            assert remittances.next_line_status(status, action) is LINE_STEPS[status, action]
        else:
            assert _refusal(lambda: remittances.next_line_status(status, action)).code is ErrorCode.CONFLICT

    @pytest.mark.parametrize(
        ("items", "lines", "found"),
        [
            (TWO, [_line(None, None, 150)], (_decision(1, 100), _decision(2, 50))),
            (TWO, [_line(None, None, 149)], RemittanceLineProblem.AMOUNTS_DIFFER),
            (TWO, [_line(None, None, 0, 150)], (_decision(1, 0, 100), _decision(2, 0, 50))),
            (TWO, [_line(None, None, 0, 100, 50)], RemittanceLineProblem.AMOUNTS_DIFFER),
            (TWO, [_line(None, None, 100, 50)], RemittanceLineProblem.AMOUNTS_DIFFER),
            (ONE, [_line(None, None, 60, 30, 10)], (_decision(1, 60, 30, 10),)),
            (TWO, [_line(2, None, 50), _line(1, None, 70, 30)], (_decision(1, 70, 30), _decision(2, 50))),
            (TWO, [_line(None, "Y", 0, 50), _line(1, "X", 100)], (_decision(1, 100), _decision(2, 0, 50))),
            (TWO, [_line(1, None, 100)], RemittanceLineProblem.AMOUNTS_DIFFER),
            (TWO, [_line(1, None, 99), _line(2, None, 50)], RemittanceLineProblem.AMOUNTS_DIFFER),
            (TWO, [_line(1, "Y", 100), _line(2, None, 50)], RemittanceLineProblem.UNKNOWN_ITEM),
            (TWO, [_line(3, None, 100)], RemittanceLineProblem.UNKNOWN_ITEM),
            (TWO, [_line(None, "Z", 100)], RemittanceLineProblem.UNKNOWN_ITEM),
            (TWO, [_line(1, None, 50), _line(1, None, 50)], RemittanceLineProblem.AMBIGUOUS),
            (TWO, [_line(None, None, 100), _line(2, None, 50)], RemittanceLineProblem.UNKNOWN_ITEM),
            (TWINS, [_line(None, "X", 50), _line(None, "X", 90, 10)], (_decision(1, 90, 10), _decision(2, 50))),
            (TWINS, [_line(None, "X", 70), _line(None, "X", 80)], RemittanceLineProblem.AMBIGUOUS),
            (SAME, [_line(None, "X", 100), _line(None, "X", 0, 100)], (_decision(1, 100), _decision(2, 0, 100))),
        ],
    )
    def test_lines_decide_a_claim_only_when_they_account_for_every_item(
        self,
        items: tuple[BilledItem, ...],
        lines: list[PaidLine],
        found: tuple[ItemDecision, ...] | RemittanceLineProblem,
    ) -> None:
        assert remittances.decisions(items, lines) == found

    @pytest.mark.parametrize(
        ("lines", "due", "found"),
        [
            ([_line(None, None, 120)], 120, 120),
            ([_line(None, None, 121)], 120, RemittanceLineProblem.OVERPAID),
            ([_line(None, None, 60), _line(None, None, 60)], 120, 120),
            ([_line(None, None, 120, 30)], 120, 120),
            ([_line(None, None, 120, 29)], 120, RemittanceLineProblem.AMOUNTS_DIFFER),
            ([_line(1, None, 70, 30)], 120, 70),
            ([_line(1, None, 70, 29)], 120, RemittanceLineProblem.AMOUNTS_DIFFER),
            ([_line(2, None, 50, 1)], 120, RemittanceLineProblem.AMOUNTS_DIFFER),
            ([_line(1, None, 70), _line(None, "Y", 50)], 120, 120),
            ([_line(1, None, 71), _line(2, None, 50)], 120, RemittanceLineProblem.OVERPAID),
            ([_line(3, None, 1)], 120, RemittanceLineProblem.UNKNOWN_ITEM),
        ],
    )
    def test_lines_pay_a_decided_claim_at_most_what_is_due(
        self, lines: list[PaidLine], due: int, found: int | RemittanceLineProblem
    ) -> None:
        items = (_item(1, "X", 100, 30), _item(2, "Y", 50, 0))
        assert payment(items, lines, due=Cents(due)) == found

    @pytest.mark.parametrize(
        ("lines", "status"),
        [
            ([L.MATCHED, L.UNMATCHED], RemittanceStatus.IMPORTED),
            ([L.POSTED, L.UNMATCHED], RemittanceStatus.PARTIALLY_POSTED),
            ([L.POSTED, L.MATCHED], RemittanceStatus.PARTIALLY_POSTED),
            ([L.POSTED, L.POSTED], RemittanceStatus.POSTED),
        ],
    )
    def test_is_posted_when_all_its_lines_are(
        self, lines: list[RemittanceLineStatus], status: RemittanceStatus
    ) -> None:
        assert remittance_status(lines) is status

    @pytest.mark.parametrize("status", S)
    def test_pays_only_claims_that_the_payer_has(self, status: ClaimStatus) -> None:
        is_there = status not in {S.DRAFT, S.CANCELLED}
        assert remittances.payable(status, is_replaced=False) is (
            None if is_there else RemittanceLineProblem.NOT_PAYABLE
        )
        assert remittances.payable(status, is_replaced=True) is RemittanceLineProblem.NOT_PAYABLE
        assert remittances.is_decided(status) is (status in DECIDED)


def _billed(*totals: int) -> list[Item]:
    return [Item("22", "X", DAY, Quantity(10_000), Cents(each), Factor(100), Cents(each)) for each in totals]


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
    parts = [Cents(each) for each in (100, 40, 30, 20, 10)]
    assert Reconciliation(*parts).unexplained_cents == 0
    assert Reconciliation(Cents(101), *parts[1:]).unexplained_cents == 1
