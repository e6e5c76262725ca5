"""What lines about a decided claim say anew: every shape that has one reading, and those that have none."""

import pytest

from app.domain.claims import DeniedAmount
from app.domain.later_decisions import DecidedItem, KnownDenial, LaterDecision, denied_anew, later_decision
from app.domain.money import Cents
from app.domain.paid_lines import BilledItem, PaidLine

Denied = dict[str, int]


def item(sequence: int, total: int, *denials: tuple[str, int], is_recoverable: bool = True) -> DecidedItem:
    """An item that is decided, with these denials."""
    known = tuple(KnownDenial(code, code, Cents(cents), is_recoverable) for code, cents in denials)
    approved = Cents(total - sum(cents for _, cents in denials))
    return DecidedItem(BilledItem(sequence, "10101012", Cents(total)), approved, denials=known)


def line(paid: int, sequence: int | None = 1, code: str | None = None, **denials: int) -> PaidLine:
    """A line; denials are named by their codes."""
    amounts = tuple(DeniedAmount(name.removeprefix("c"), Cents(cents)) for name, cents in denials.items())
    return PaidLine(sequence, code, Cents(paid), amounts)


PAID, TWO = [item(1, 100)], [item(1, 100), item(2, 50)]
OF_1801 = [item(1, 100, ("1801", 20))]


@pytest.mark.parametrize(
    ("items", "lines", "due", "denied", "recovered"),
    [
        (PAID, [line(-100), line(80, c1705=20)], 0, {1: {"1705": 20}}, {}),
        (PAID, [line(80, c1705=20), line(-100)], 0, {1: {"1705": 20}}, {}),
        (PAID, [line(-20, c1705=20)], 0, {1: {"1705": 20}}, {}),
        (PAID, [line(-20, None, c1705=5, c1801=15)], 0, {1: {"1705": 5, "1801": 15}}, {}),
        (PAID, [line(-100, c1705=100)], 0, {1: {"1705": 100}}, {}),
        # Nothing is paid yet.
        (PAID, [line(80, c1705=20)], 100, {1: {"1705": 20}}, {}),
        (PAID, [line(0, c1705=20)], 100, {1: {"1705": 20}}, {}),
        (PAID, [line(10, c1705=20)], 30, {1: {"1705": 20}}, {}),
        # The earlier denial is repeated, or it is not.
        (OF_1801, [line(-80), line(70, c1801=20, c1705=10)], 0, {1: {"1705": 10}}, {}),
        (OF_1801, [line(-80), line(70, c1801=30)], 0, {1: {"1801": 10}}, {}),
        (OF_1801, [line(-20, c1801=20)], 0, {1: {"1801": 20}}, {}),
        (OF_1801, [line(-10, c1801=20, c1705=10)], 0, {1: {"1705": 10}}, {}),
        (OF_1801, [line(60, c1801=40)], 80, {1: {"1801": 20}}, {}),
        (OF_1801, [line(-80), line(100)], 0, {}, {"1801": 20}),
        (OF_1801, [line(95, c1801=5)], 80, {}, {"1801": 15}),
        # Of several items.
        (TWO, [line(-50, 2), line(30, 2, c1705=20)], 0, {2: {"1705": 20}}, {}),
        (TWO, [line(-150, None), line(100, 1), line(30, 2, c1705=20)], 0, {2: {"1705": 20}}, {}),
        (TWO, [line(-150, None, c1801=150)], 0, {1: {"1801": 100}, 2: {"1801": 50}}, {}),
    ],
)
def test_what_has_one_reading_is_read(
    items: list[DecidedItem], lines: list[PaidLine], due: int, denied: dict[int, Denied], recovered: Denied
) -> None:
    found = later_decision(items, lines, Cents(due))
    assert found is not None
    assert {number: {one.code: one.amount for one in each} for number, each in found.denied.items()} == denied
    assert dict(found.recovered) == recovered
    assert found.denied_cents == sum(cents for each in denied.values() for cents in each.values())
    assert found.recovered_cents == sum(recovered.values())


@pytest.mark.parametrize(
    ("items", "lines", "due"),
    [
        (PAID, [line(-20, c1705=10)], 0),
        (PAID, [line(-20, c1705=30)], 0),
        (PAID, [line(-100), line(80, c1705=19)], 0),
        (PAID, [line(10, c1705=20)], 100),
        # More than was approved.
        (OF_1801, [line(-90, c1705=90)], 0),
        # One reason for another, and a denial under appeal.
        (OF_1801, [line(90, c1705=10)], 80),
        ([item(1, 100, ("1801", 20), is_recoverable=False)], [line(90, c1801=10)], 80),
        # Which item?
        (TWO, [line(-20, None, c1705=20)], 0),
        (TWO, [line(-20, None, "10101012", c1705=20)], 0),
        (TWO, [line(-150, None, c1801=100, c1705=50)], 0),
        (TWO, [line(-20, 3, c1705=20)], 0),
    ],
)
def test_what_has_not_one_reading_is_left_to_a_person(
    items: list[DecidedItem], lines: list[PaidLine], due: int
) -> None:
    assert later_decision(items, lines, Cents(due)) is None


def test_the_same_decision_again_changes_nothing() -> None:
    assert later_decision(OF_1801, [line(80, c1801=20)], Cents(80)) == LaterDecision()
    assert later_decision(PAID, [line(-100), line(80)], Cents(0)) == LaterDecision()


@pytest.mark.parametrize("items", [PAID, TWO, OF_1801])
@pytest.mark.parametrize("sequence", [None, 1])
def test_what_is_only_taken_back_decides_nothing(items: list[DecidedItem], sequence: int | None) -> None:
    assert later_decision(items, [line(-20, sequence)], Cents(0)) == LaterDecision()


@pytest.mark.parametrize(
    ("items", "lines", "anew"),
    [
        (PAID, [line(-20)], 0),
        (PAID, [line(-20, c1705=10)], 10),
        (OF_1801, [line(80, c1801=20)], 0),
        (OF_1801, [line(60, c1705=10)], 10),
        (OF_1801, [line(60, c1801=5)], -15),
        (OF_1801, [line(-80), line(70, c1801=20, c1705=5)], 5),
    ],
)
def test_a_person_sees_how_much_more_is_denied(items: list[DecidedItem], lines: list[PaidLine], anew: int) -> None:
    assert denied_anew(items, lines) == anew
