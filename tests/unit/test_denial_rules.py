"""The rules of denials and appeals: every state, every boundary, every cent."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import denials
from app.domain.denials import DenialAction, DenialStatus, Shares, answer_action, appeal_block, check_appeal, shares
from app.domain.errors import BillingError, ErrorCode, Failure
from app.domain.money import CENTS_MAX, Cents

G, A = DenialStatus, DenialAction
DENIAL_STEPS = {
    (G.OPEN, A.ACCEPT): G.ACCEPTED,
    (G.OPEN, A.APPEAL): G.APPEALED,
    (G.OPEN, A.EXPIRE): G.EXPIRED,
    (G.APPEALED, A.WITHDRAW): G.OPEN,
    (G.APPEALED, A.OVERTURN): G.OVERTURNED,
    (G.APPEALED, A.OVERTURN_PARTIALLY): G.PARTIALLY_OVERTURNED,
    (G.APPEALED, A.UPHOLD): G.UPHELD,
    (G.APPEALED, A.UPHOLD_FIRST): G.OPEN,
    (G.APPEALED, A.ATTACH): G.APPEALED,
    (G.APPEALED, A.REMOVE_ATTACHMENT): G.APPEALED,
    **{(status, A.RECOVER): G.OVERTURNED for status in (G.OPEN, G.ACCEPTED, G.EXPIRED, G.UPHELD)},
    **{(status, A.TAKE_BACK): G.OVERTURNED for status in (G.OPEN, G.ACCEPTED, G.EXPIRED)},
    **{(status, A.RECOVER_PART): status for status in (G.OPEN, G.ACCEPTED, G.EXPIRED, G.UPHELD)},
}
DAY = date(2026, 6, 15)
BEFORE, AFTER = DAY - timedelta(days=1), DAY + timedelta(days=1)
AMOUNTS = st.integers(1, CENTS_MAX)


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
