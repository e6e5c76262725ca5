"""Check digits and formats of the identifiers in Brazilian health billing."""

import re
from typing import Final, NewType

from app.domain.errors import ErrorCode, Failure

AnsCode = NewType("AnsCode", str)
"""A payer's registro ANS."""
Cnes = NewType("Cnes", str)
"""An establishment's number in the CNES."""
Cpf = NewType("Cpf", str)
TaxId = NewType("TaxId", str)
"""A CNPJ or a CPF."""
_ANS: Final = re.compile(r"[0-9]{6}")
_CNES: Final = re.compile(r"[0-9]{7}")
_CPF: Final = re.compile(r"[0-9]{11}")
_CNPJ: Final = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
CARD_LENGTH_MAX: Final = 20
CODE_LENGTH_MAX: Final = 10
NUMBER_LENGTH_MAX: Final = 20
"""Of the numbers that TISS gives claims, authorizations and statements."""


def _mod11(values: list[int], weights: list[int]) -> int:
    rest = sum(value * weight for value, weight in zip(values, weights, strict=True)) % 11
    return 0 if rest < 2 else 11 - rest


def check_digits_of_cpf(base: str) -> str:
    """The two check digits of a CPF, computed from its first nine digits."""
    digits = [int(char) for char in base]
    first = _mod11(digits, list(range(10, 1, -1)))
    second = _mod11([*digits, first], list(range(11, 1, -1)))
    return f"{first}{second}"


def cpf_failure(text: str, field: str) -> Failure | None:
    """Why this is not a CPF: eleven digits, not all alike, with both check digits right."""
    if _CPF.fullmatch(text) and len(set(text)) > 1 and text[9:] == check_digits_of_cpf(text[:9]):
        return None
    return Failure(
        ErrorCode.INVALID_IDENTIFIER, "a CPF has eleven digits, of which the last two check the others", field
    )


def is_cnpj(text: str) -> bool:
    """Fourteen characters, not all alike, letters allowed in the first twelve, both check digits right (a letter counts
    as its ASCII code minus 48, the rule of the alphanumeric CNPJ)."""
    if not _CNPJ.fullmatch(text) or len(set(text)) == 1:
        return False
    values = [ord(char) - 48 for char in text]
    weights = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]
    first = _mod11(values[:12], weights[1:])
    second = _mod11([*values[:12], first], weights)
    return values[12:] == [first, second]


def cnes_failure(text: str, field: str) -> Failure | None:
    """Why this is not a CNES: seven digits, not all zero; the register publishes no check digit rule."""
    if _CNES.fullmatch(text) and text != "0000000":
        return None
    return Failure(ErrorCode.INVALID_IDENTIFIER, "a CNES has seven digits", field, "1202")


def ans_failure(text: str, field: str) -> Failure | None:
    """Why this is not a registro ANS: six digits."""
    if _ANS.fullmatch(text):
        return None
    return Failure(ErrorCode.INVALID_IDENTIFIER, "a registro ANS has six digits", field, "5027")


def card_failure(text: str, field: str) -> Failure | None:
    """Why this is not a card number (numeroCarteira): 1 to 20 printable ASCII characters without blanks around them."""
    if 1 <= len(text) <= CARD_LENGTH_MAX and text.isascii() and text.isprintable() and text == text.strip():
        return None
    return Failure(ErrorCode.INVALID_CARD, "a card number has 1 to 20 characters, none with an accent", field, "1001")


def code_failure(text: str, field: str) -> Failure | None:
    """Why this is not the code of a procedure, material or drug: 1 to 10 printable ASCII characters without blanks
    around them. The standard's codes are digits; payers have hyphens, dots and letters in those of their own tables."""
    if 1 <= len(text) <= CODE_LENGTH_MAX and text.isascii() and text.isprintable() and text == text.strip():
        return None
    return Failure(
        ErrorCode.UNKNOWN_CODE, "a code has 1 to 10 letters without accents, digits and signs", field, "1801"
    )


def mask(text: str | None, visible: int = 2) -> str | None:
    """The last `visible` characters, with stars for the rest; None for None."""
    if text is None:
        return None
    return "*" * max(len(text) - visible, 0) + text[-visible:]


def ascii_or_none(text: str | None, length_max: int) -> str | None:
    """The text if it is a code of a document: 1 to so many ASCII letters or digits; None otherwise."""
    is_code = text is not None and 1 <= len(text) <= length_max and text.isascii() and text.isalnum()
    return text if is_code else None
