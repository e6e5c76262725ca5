"""Money, quantities and factors: one grammar, exact values, half a cent upwards."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.money import (
    CENTS_MAX,
    Cents,
    Factor,
    Quantity,
    format_factor,
    format_money,
    format_quantity,
    item_total,
    parse_factor,
    parse_money,
    parse_quantity,
)

NO_NUMBERS = [
    "", " ", "NaN", "nan", "Infinity", "-Infinity", "inf", "1E+2", "1e2", "1E400", "-1.00", "-0", "+1.00", "1,00",
    "1,000.00", "1_000.00", "1 000", "1.000,00", " 1.00", "1.00 ", "1.00\n", "\n1.00", "0x10", "1.", ".5", ".", "1..0",
    "1.0.0", "R$1", "\u0661", "1.\u0660\u0660", "\uff11.00", "\u00bd", "\u00b2", "1.00\x00", "null", "True",
]  # fmt: skip
PARSERS: list[Callable[[str], int]] = [parse_money, parse_quantity, parse_factor]


@pytest.mark.parametrize("text", NO_NUMBERS)
@pytest.mark.parametrize("parse", PARSERS, ids=["money", "quantity", "factor"])
def test_what_is_no_plain_decimal_is_refused_by_every_grammar(parse: Callable[[str], int], text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("0", 0),
        ("0.0", 0),
        ("0.01", 1),
        ("0.1", 10),
        ("1", 100),
        ("007.5", 750),
        ("1234.50", 123_450),
        ("99999999.99", CENTS_MAX),
    ],
)
def test_an_amount_is_read_to_the_cent(text: str, cents: int) -> None:
    assert parse_money(text) == cents


@pytest.mark.parametrize(
    "text", ["100000000", "100000000.00", "099999999.99", "1.001", "0.000", "99999999999999999999"]
)
def test_an_amount_has_at_most_eight_digits_and_two_decimals(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_money(text)


@pytest.mark.parametrize(
    ("text", "value"), [("1", 10_000), ("2.5", 25_000), ("0.0001", 1), ("99999.9999", 999_999_999)]
)
def test_a_quantity_has_five_digits_and_four_decimals(text: str, value: int) -> None:
    assert parse_quantity(text) == value
    assert parse_quantity(format_quantity(value)) == value
    for wrong in ("100000", "1.00001"):
        with pytest.raises(ValueError, match=wrong):
            parse_quantity(wrong)


@pytest.mark.parametrize(("text", "value", "shown"), [("1", 100, "1.00"), ("0.5", 50, "0.50"), ("9.99", 999, "9.99")])
def test_a_factor_has_one_digit_and_two_decimals(text: str, value: int, shown: str) -> None:
    assert (parse_factor(text), format_factor(value)) == (value, shown)
    for wrong in ("10", "10.00", "1.001"):
        with pytest.raises(ValueError, match=wrong):
            parse_factor(wrong)


@given(st.decimals(0, 99_999_999, places=2, allow_nan=False, allow_infinity=False))
def test_an_amount_keeps_its_exact_value(amount: Decimal) -> None:
    assert Decimal(format_money(parse_money(f"{amount:f}"))) == amount


@given(st.integers(0, 999))
def test_a_factor_written_and_read_is_the_same(factor: int) -> None:
    assert parse_factor(format_factor(factor)) == factor


@pytest.mark.parametrize(
    ("cents", "text"), [(0, "0.00"), (5, "0.05"), (123_450, "1234.50"), (-5, "-0.05"), (-123_450, "-1234.50")]
)
def test_an_amount_is_written_with_two_decimals(cents: int, text: str) -> None:
    assert format_money(cents) == text


@pytest.mark.parametrize(
    ("price", "quantity", "factor", "total"),
    [
        ("100.00", "1", "1.00", "100.00"),
        ("18.50", "2", "1.00", "37.00"),
        ("0.01", "0.5", "1.00", "0.01"),
        ("0.01", "0.4999", "1.00", "0.00"),
        ("0.03", "0.5", "1.00", "0.02"),
        ("10.05", "1", "0.50", "5.03"),
        ("10.01", "1", "0.50", "5.01"),
        ("33.33", "3", "1.00", "99.99"),
        ("1.15", "1", "1.50", "1.73"),
        ("1234.56", "1.2345", "0.70", "1066.85"),
        ("99999999.99", "1", "1.00", "99999999.99"),
    ],
)
def test_an_item_total_is_rounded_half_up_once(price: str, quantity: str, factor: str, total: str) -> None:
    assert format_money(item_total(parse_money(price), parse_quantity(quantity), parse_factor(factor))) == total


def test_the_largest_product_is_still_exact() -> None:
    largest = item_total(Cents(CENTS_MAX), Quantity(999_999_999), Factor(999))
    assert largest == (CENTS_MAX * 999_999_999 * 999 + 500_000) // 1_000_000
