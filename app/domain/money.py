"""Exact money and quantities: integer cents and scaled integers in the code, decimal text in the API."""

import re
from typing import Final, NewType

Cents = NewType("Cents", int)
"""An amount in BRL, in integer cents."""

NO_CENTS: Final = Cents(0)

Quantity = NewType("Quantity", int)
"""A TISS quantity, decimal(9,4), in ten-thousandths."""

Factor = NewType("Factor", int)
"""A TISS reduction or surcharge factor (reducaoAcrescimo), decimal(3,2), in hundredths."""

CENTS_MAX: Final = 99_999_999_99
QUANTITY_ONE: Final = 10_000
FACTOR_ONE: Final = Factor(100)
_MONEY: Final = re.compile(r"[0-9]{1,8}(?:\.[0-9]{1,2})?")
_QUANTITY: Final = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,4})?")
_FACTOR: Final = re.compile(r"[0-9](?:\.[0-9]{1,2})?")


def _scaled(text: str, grammar: re.Pattern[str], digits: int) -> int:
    if not grammar.fullmatch(text):
        raise ValueError(text)
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(digits, "0"))


def parse_money(text: str) -> Cents:
    """Cents of "1234.50"; ValueError for anything but 1-8 ASCII digits and at most two decimals."""
    return Cents(_scaled(text, _MONEY, 2))


def parse_quantity(text: str) -> Quantity:
    """Ten-thousandths of "1.5"; ValueError for anything but up to 5 digits and 4 decimals."""
    return Quantity(_scaled(text, _QUANTITY, 4))


def parse_factor(text: str) -> Factor:
    """Hundredths of "1.00"; ValueError for anything but one digit and at most two decimals."""
    return Factor(_scaled(text, _FACTOR, 2))


def format_money(cents: int) -> str:
    """ "1234.50" for 123450; negative amounts start with a minus sign."""
    # Half the time of other ways to write it: lists of claims have hundreds of amounts.
    return "%d.%02d" % divmod(cents, 100) if cents >= 0 else f"-{format_money(-cents)}"  # noqa: UP031 - as above


def format_quantity(quantity: int) -> str:
    """ "1.5" for 15000: no trailing zeros, no exponent."""
    whole, rest = divmod(quantity, QUANTITY_ONE)
    return f"{whole}.{rest:04d}".rstrip("0") if rest else str(whole)


def format_factor(factor: int) -> str:
    """ "1.00" for 100: always two decimals, as TISS writes it."""
    return format_money(factor)


def item_total(unit_price: Cents, quantity: Quantity, factor: Factor) -> Cents:
    """unit price x quantity x factor, rounded half up to the cent.

    Example: 18_50 x 1.5 (15_000) x 1.10 (110) is 3052.5 cents, so 30_53.
    """
    one = QUANTITY_ONE * FACTOR_ONE
    exact = unit_price * quantity * factor
    # Whole numbers: a claim of 200 items computes its total several times.
    rounded = (2 * abs(exact) + one) // (2 * one)
    return Cents(rounded if exact >= 0 else -rounded)


def is_near_total(stated: Cents, unit_price: Cents, quantity: Quantity, factor: Factor) -> bool:
    """Whether the stated total is at most a cent off the exact product.

    Example: 10_01 x 0.3333 (3_333) x 1.00 is 333.6333 cents: 3_33 and 3_34 are near, 3_32 and 3_35 are not.
    """
    one = QUANTITY_ONE * FACTOR_ONE
    return abs(stated * one - unit_price * quantity * factor) <= one
