"""The rules of payers' statements: every state of a line, what it pays and what it denies."""

from collections.abc import Callable

import pytest

from app.domain import remittances
from app.domain.claims import ClaimStatus, DeniedAmount, ItemDecision
from app.domain.errors import BillingError, ErrorCode, Failure
from app.domain.money import Cents
from app.domain.paid_lines import BilledItem, PaidLine
from app.domain.remittances import (
    RemittanceLineAction,
    RemittanceLineProblem,
    RemittanceLineStatus,
    RemittanceStatus,
    payment,
    remittance_status,
)

L, B = RemittanceLineStatus, RemittanceLineAction
LINE_STEPS = {
    (L.UNMATCHED, B.MATCH): L.MATCHED,
    (L.MATCHED, B.MATCH): L.MATCHED,
    (L.MATCHED, B.POST): L.POSTED,
    (L.MATCHED, B.PUT_BACK): L.UNMATCHED,
    (L.MATCHED, B.UNMATCH): L.UNMATCHED,
    (L.UNMATCHED, B.DISMISS): L.DISMISSED,
    (L.DISMISSED, B.MATCH): L.MATCHED,
    (L.POSTED, B.PAY): L.MATCHED,
    (L.HELD, B.PAY): L.MATCHED,
    (L.MATCHED, B.HOLD): L.HELD,
    (L.HELD, B.POST): L.POSTED,
    (L.HELD, B.UNMATCH): L.UNMATCHED,
    (L.UNMATCHED, B.RESOLVE): L.MATCHED,
    (L.UNMATCHED, B.WORK): L.UNMATCHED,
    (L.MATCHED, B.WORK): L.MATCHED,
    (L.UNMATCHED, B.SPLIT): L.SPLIT,
    (L.UNMATCHED, B.UNDO): L.UNMATCHED,
    (L.MATCHED, B.UNDO): L.UNMATCHED,
    (L.DISMISSED, B.UNDO): L.UNMATCHED,
    (L.SPLIT, B.UNDO): L.UNMATCHED,
    (L.POSTED, B.UNDO): L.UNMATCHED,
    (L.SPLIT, B.CANCEL): L.CANCELLED,
    (L.MATCHED, B.CANCEL): L.CANCELLED,
    (L.UNMATCHED, B.CANCEL): L.CANCELLED,
    (L.DISMISSED, B.CANCEL): L.CANCELLED,
}
S = ClaimStatus
DECIDED = {S.APPROVED, S.PARTIALLY_APPROVED, S.DENIED}


def _refusal(ask: Callable[[], object]) -> Failure:
    with pytest.raises(BillingError) as refused:
        ask()
    (failure,) = refused.value.failures
    return failure


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
            (TWO, [_line(1, "Y", 0, 50), _line(2, "X", 70, 30)], (_decision(1, 70, 30), _decision(2, 0, 50))),
            (TWO, [_line(1, "X", 100), _line(1, "Y", 20, 30)], (_decision(1, 100), _decision(2, 20, 30))),
            (TWO, [_line(3, None, 100)], RemittanceLineProblem.UNKNOWN_ITEM),
            (TWO, [_line(None, "Z", 100)], RemittanceLineProblem.UNKNOWN_ITEM),
            (TWO, [_line(1, None, 50), _line(1, None, 50)], RemittanceLineProblem.AMOUNTS_DIFFER),
            (ONE, [_line(1, None, 50), _line(1, None, 0, 50)], (_decision(1, 50, 50),)),
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
            ([L.POSTED, L.DISMISSED], RemittanceStatus.POSTED),
            ([L.DISMISSED], RemittanceStatus.POSTED),
            ([L.DISMISSED, L.UNMATCHED], RemittanceStatus.IMPORTED),
            ([L.POSTED, L.DISMISSED, L.UNMATCHED], RemittanceStatus.PARTIALLY_POSTED),
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
