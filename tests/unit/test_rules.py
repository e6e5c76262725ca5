"""The tables and sums of the domain: every pair of state and action, every boundary."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import batches, claims, eligibility, identifiers, ids, invoices, money, settlements
from app.domain.batches import BatchAction, BatchStatus
from app.domain.claims import ClaimAction, ClaimStatus, DeniedAmount, ItemDecision
from app.domain.data_scope import DataScope
from app.domain.eligibility import CoverageTerms, EligibilityOutcome, decide
from app.domain.errors import BillingError
from app.domain.invoices import InvoiceAction, InvoiceStatus
from app.domain.money import Cents, Factor, Quantity
from app.domain.settlements import SettlementAction, SettlementStatus
from app.domain.tabela38 import description

S, A = ClaimStatus, ClaimAction
CLAIM_STEPS = {
    (S.DRAFT, A.UPDATE): S.DRAFT,
    (S.DRAFT, A.SUBMIT): S.SUBMITTED,
    (S.DRAFT, A.CANCEL): S.CANCELLED,
    (S.SUBMITTED, A.START_REVIEW): S.UNDER_REVIEW,
    (S.SUBMITTED, A.CANCEL): S.CANCELLED,
    (S.SUBMITTED, A.WITHDRAW): S.DRAFT,
    (S.SUBMITTED, A.RETURN): S.DRAFT,
    (S.UNDER_REVIEW, A.APPROVE): S.APPROVED,
    (S.UNDER_REVIEW, A.APPROVE_PARTIALLY): S.PARTIALLY_APPROVED,
    (S.UNDER_REVIEW, A.DENY): S.DENIED,
    (S.UNDER_REVIEW, A.REQUEST_INFORMATION): S.PENDING_INFORMATION,
    (S.UNDER_REVIEW, A.CANCEL): S.CANCELLED,
    (S.PENDING_INFORMATION, A.RESUME_REVIEW): S.UNDER_REVIEW,
    **{(status, A.DENY_PART_LATER): S.PARTIALLY_APPROVED for status in (S.APPROVED, S.PARTIALLY_APPROVED)},
    **{(status, A.DENY_REST_LATER): S.DENIED for status in (S.APPROVED, S.PARTIALLY_APPROVED)},
}


@pytest.mark.parametrize("status", S)
@pytest.mark.parametrize("action", A)
def test_a_claim_takes_exactly_the_steps_of_its_table(status: ClaimStatus, action: ClaimAction) -> None:
    if (status, action) in CLAIM_STEPS:
        assert claims.next_status(status, action) is CLAIM_STEPS[status, action]
    else:
        with pytest.raises(BillingError) as refused:
            claims.next_status(status, action)
        assert refused.value.code == "CONFLICT"


L, C = BatchStatus, BatchAction
BATCH_STEPS = {
    (L.OPEN, C.REMOVE_CLAIM): L.OPEN,
    (L.OPEN, C.SEND): L.SENT,
    (L.OPEN, C.CANCEL): L.CANCELLED,
    (L.SENT, C.RECEIVE): L.RECEIVED,
    (L.SENT, C.REJECT): L.REJECTED,
    (L.RECEIVED, C.REFUSE_CLAIM): L.RECEIVED,
    (L.SENT, C.PROCESS): L.PROCESSED,
    (L.RECEIVED, C.PROCESS): L.PROCESSED,
}


@pytest.mark.parametrize("status", L)
@pytest.mark.parametrize("action", C)
def test_a_batch_takes_exactly_the_steps_of_its_table(status: BatchStatus, action: BatchAction) -> None:
    if (status, action) in BATCH_STEPS:
        assert batches.next_status(status, action) is BATCH_STEPS[status, action]
    else:
        with pytest.raises(BillingError) as refused:
            batches.next_status(status, action)
        assert refused.value.code == "CONFLICT"


V, B = InvoiceStatus, InvoiceAction
INVOICE_STEPS = {
    (V.DRAFT, B.ADJUST): V.DRAFT,
    (V.ISSUED, B.ADJUST): V.PARTIALLY_SETTLED,
    (V.PARTIALLY_SETTLED, B.ADJUST): V.PARTIALLY_SETTLED,
    (V.DRAFT, B.ISSUE): V.ISSUED,
    (V.DRAFT, B.CANCEL): V.CANCELLED,
    (V.ISSUED, B.CANCEL): V.CANCELLED,
    (V.ISSUED, B.SETTLE): V.PARTIALLY_SETTLED,
    (V.PARTIALLY_SETTLED, B.SETTLE): V.PARTIALLY_SETTLED,
    (V.PARTIALLY_SETTLED, B.REVERSE): V.PARTIALLY_SETTLED,
    (V.SETTLED, B.REVERSE): V.PARTIALLY_SETTLED,
}


@pytest.mark.parametrize("status", V)
@pytest.mark.parametrize("action", B)
def test_an_invoice_takes_exactly_the_steps_of_its_table(status: InvoiceStatus, action: InvoiceAction) -> None:
    total, settled = Cents(100), Cents(40)
    if (status, action) in INVOICE_STEPS:
        assert invoices.next_status(status, action, total=total, settled=settled) is INVOICE_STEPS[status, action]
    else:
        with pytest.raises(BillingError) as refused:
            invoices.next_status(status, action, total=total, settled=settled)
        assert refused.value.code == "CONFLICT"


@pytest.mark.parametrize(
    ("settled", "status"), [(0, V.ISSUED), (1, V.PARTIALLY_SETTLED), (99, V.PARTIALLY_SETTLED), (100, V.SETTLED)]
)
def test_an_issued_invoice_follows_its_ledger(settled: int, status: InvoiceStatus) -> None:
    assert invoices.ledger_status(Cents(100), Cents(settled)) is status


@pytest.mark.parametrize("status", SettlementStatus)
@pytest.mark.parametrize("action", SettlementAction)
def test_a_settlement_moves_once(status: SettlementStatus, action: SettlementAction) -> None:
    ends = {SettlementAction.CONFIRM: SettlementStatus.CONFIRMED, SettlementAction.FAIL: SettlementStatus.FAILED}
    if status is SettlementStatus.PENDING:
        assert settlements.next_status(status, action) is ends[action]
    else:
        with pytest.raises(BillingError):
            settlements.next_status(status, action)


def test_the_outcome_follows_from_the_items() -> None:
    paid, denied = ItemDecision(1, Cents(10)), ItemDecision(2, Cents(0), (DeniedAmount("1705", Cents(5)),))
    mixed = ItemDecision(3, Cents(4), (DeniedAmount("1705", Cents(1)), DeniedAmount("3209", Cents(2))))
    assert claims.outcome([paid]) is A.APPROVE
    assert claims.outcome([paid, denied]) is A.APPROVE_PARTIALLY
    assert claims.outcome([mixed]) is A.APPROVE_PARTIALLY
    assert claims.outcome([denied]) is A.DENY
    assert mixed.denied == 3


DAY = date(2026, 6, 15)
BEFORE, AFTER = date(2026, 6, 14), date(2026, 6, 16)
PLAIN = {
    "starts_on": date(2020, 1, 1),
    "ends_on": None,
    "card_valid_until": None,
    "waiting_until": None,
    "suspended_from": None,
    "suspended_until": None,
}


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, ()),
        ({"starts_on": DAY}, ()),
        ({"starts_on": AFTER}, ("3287",)),
        ({"ends_on": DAY}, ()),
        ({"ends_on": BEFORE}, ("1006",)),
        ({"card_valid_until": DAY}, ()),
        ({"card_valid_until": BEFORE}, ("1017",)),
        ({"waiting_until": DAY}, ("3171",)),
        ({"waiting_until": BEFORE}, ()),
        ({"suspended_from": DAY}, ("1016",)),
        ({"suspended_from": AFTER}, ()),
        ({"suspended_from": BEFORE, "suspended_until": DAY}, ("1016",)),
        ({"suspended_from": date(2026, 6, 1), "suspended_until": BEFORE}, ()),
        ({"ends_on": BEFORE, "card_valid_until": BEFORE}, ("1006", "1017")),
    ],
)
def test_a_coverage_decides_eligibility_to_the_day(changes: dict[str, date], reasons: tuple[str, ...]) -> None:
    terms = CoverageTerms(**{**PLAIN, **changes})  # type: ignore[arg-type]
    found = decide(terms, is_payer_answering=True, service_date=DAY)
    assert found == eligibility.EligibilityDecision(
        EligibilityOutcome.NOT_ELIGIBLE if reasons else EligibilityOutcome.ELIGIBLE, reasons
    )


def test_an_unknown_card_is_not_eligible_and_a_silent_payer_is_not_a_no() -> None:
    assert decide(None, is_payer_answering=True, service_date=DAY).reasons == ("1001",)
    assert decide(None, is_payer_answering=False, service_date=DAY).outcome is EligibilityOutcome.UNDETERMINED


@pytest.mark.parametrize("code", ["1001", "1006", "1016", "1017", "3171", "3287", "1801", "3150", "5042", "1308"])
def test_the_codes_that_are_used_stand_in_tabela_38(code: str) -> None:
    assert description(code)


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("11222333000181", True),
        ("11222333000180", False),
        ("12ABC34501DE35", True),
        ("12ABC34501DE36", False),
        ("12abc34501de35", False),
        ("00000000000000", False),
        ("11.222.333/0001-81", False),
    ],
)
def test_a_cnpj_may_have_letters_and_has_two_check_digits(text: str, is_right: bool) -> None:
    assert identifiers.is_cnpj(text) is is_right


@given(price=st.integers(0, 10_000_000), quantity=st.integers(1, 99_999_9999), factor=st.integers(1, 999))
def test_an_item_total_is_the_exact_product_rounded_half_up(price: int, quantity: int, factor: int) -> None:
    exact = Fraction(price * quantity * factor, 10_000 * 100)
    expected = (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
    assert money.item_total(Cents(price), Quantity(quantity), Factor(factor)) == expected


@given(cents=st.integers(0, money.CENTS_MAX))
def test_money_written_and_read_is_the_same(cents: int) -> None:
    assert money.parse_money(money.format_money(cents)) == cents


@given(quantity=st.integers(0, 99_999_9999))
def test_a_quantity_written_and_read_is_the_same(quantity: int) -> None:
    assert money.parse_quantity(money.format_quantity(quantity)) == quantity


def test_half_a_cent_goes_up() -> None:
    assert money.item_total(Cents(1), Quantity(5_000), Factor(100)) == 1
    assert money.item_total(Cents(1), Quantity(4_999), Factor(100)) == 0


def test_ids_are_well_formed_unique_and_in_order_of_making() -> None:
    made = [ids.new_id(ids.CLAIM) for _ in range(2_000)]
    assert len(set(made)) == 2_000
    assert {ids.prefix_of(each) for each in made} == {"clm"}
    assert {len(each) for each in made} == {30}
    assert [ids.prefix_of(bad) for bad in ("clm_", "CLM_" + made[0][4:], made[0] + "0", "x")] == [None] * 4


@pytest.mark.parametrize(
    ("scope", "is_held"),
    [
        (DataScope(), False),
        (DataScope(any_provider=True), True),
        (DataScope(providers=frozenset({"1"})), True),
        (DataScope(providers=frozenset({"2"})), False),
        (DataScope(payer="9"), True),
        (DataScope(payer="8"), False),
        (DataScope(patient="p"), True),
        (DataScope(patient="q"), False),
        (DataScope(providers=frozenset({"1"}), payer="8"), False),
        (DataScope(any_provider=True, payer="9", patient="p"), True),
    ],
)
def test_every_part_of_a_scope_must_hold(scope: DataScope, is_held: bool) -> None:
    assert scope.contains(provider="1", payer="9", patient="p") is is_held
