"""Identifiers of Brazilian health billing: check digits, shapes, masks, and ids of our own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import ids
from app.domain.errors import Failure
from app.domain.identifiers import (
    ans_failure,
    card_failure,
    check_digits_of_cpf,
    cnes_failure,
    code_failure,
    is_cnpj,
    mask,
)

DIGITS = "0123456789"
CNPJ_ALPHABET = DIGITS + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _cnpj(base: str) -> str:
    """The CNPJ of twelve characters, by the published rule written out a second time."""
    found = base
    for weights in ((5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)):
        rest = sum((ord(char) - 48) * weight for char, weight in zip(found, weights, strict=True)) % 11
        found += str(0 if rest < 2 else 11 - rest)
    return found


@pytest.mark.parametrize(("base", "digits"), [("529982247", "25"), ("111444777", "35"), ("000000001", "91")])
def test_the_check_digits_of_a_cpf_are_the_published_ones(base: str, digits: str) -> None:
    assert check_digits_of_cpf(base) == digits


@given(st.text(CNPJ_ALPHABET, min_size=12, max_size=12))
def test_every_base_of_letters_and_digits_makes_a_cnpj(base: str) -> None:
    assert is_cnpj(_cnpj(base)) is (len(set(_cnpj(base))) > 1)


@given(st.text(CNPJ_ALPHABET, min_size=12, max_size=12), st.integers(1, 99))
def test_a_cnpj_has_only_one_pair_of_check_digits(base: str, change: int) -> None:
    right = _cnpj(base)
    assert not is_cnpj(right[:12] + f"{(int(right[12:]) + change) % 100:02d}")


@pytest.mark.parametrize("text", ["12ABC34501DE35", "11222333000181", "00000000000191"])
def test_published_examples_are_right(text: str) -> None:
    assert is_cnpj(text)


@pytest.mark.parametrize(
    "text",
    [
        "12ABC34501DE3A",
        "12ABC34501D\u04153\u0035",
        "1222333000181",
        "112223330001811",
        "11222333000181\n",
        "\u0661\u0661222333000181",
        "AAAAAAAAAAAAAA",
    ],
)
def test_what_only_looks_like_a_cnpj_is_none(text: str) -> None:
    assert not is_cnpj(text)


def _parts(failure: Failure | None) -> tuple[str, str | None, str | None] | None:
    return None if failure is None else (failure.code.value, failure.field, failure.tiss_code)


@pytest.mark.parametrize(
    ("text", "is_right"),
    [("2077485", True), ("0000001", True), ("0000000", False), ("207748", False), ("20774855", False)]
    + [(text, False) for text in ("207748A", "207748\uff15", " 2077485", "2077485\n", "", "\u0662077485")],
)
def test_a_cnes_is_seven_digits(text: str, is_right: bool) -> None:
    assert _parts(cnes_failure(text, "provider")) == (None if is_right else ("INVALID_IDENTIFIER", "provider", "1202"))


@pytest.mark.parametrize(
    ("text", "is_right"),
    [("326305", True), ("000000", True), ("32630", False), ("3263055", False), ("32630X", False)]
    + [(text, False) for text in ("32630\uff15", "326305\n", " 326305", "", "326305 ")],
)
def test_a_registro_ans_is_six_digits(text: str, is_right: bool) -> None:
    assert _parts(ans_failure(text, "payer")) == (None if is_right else ("INVALID_IDENTIFIER", "payer", "5027"))


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("1", True),
        ("10101012", True),
        ("AB12345678", True),
        ("", False),
        ("12345678901", False),
        ("1010-1012", True),
        ("OP.1/A 2", True),
    ]
    + [(text, False) for text in (" 1", "1\n", "\u0661", "é")],
)
def test_a_code_has_one_to_ten_ascii_characters(text: str, is_right: bool) -> None:
    assert _parts(code_failure(text, "code")) == (None if is_right else ("UNKNOWN_CODE", "code", "1801"))


@pytest.mark.parametrize(
    ("text", "is_right"),
    [("1", True), ("A" * 20, True), ("0-12 3/4", True), ("A" * 21, False), ("", False), (" ", False)]
    + [(text, False) for text in (" 1", "1 ", "1\t", "1\x00", "\u0661", "é", "😀", "1\x7f")],
)
def test_a_card_has_one_to_twenty_printable_characters(text: str, is_right: bool) -> None:
    assert _parts(card_failure(text, "cardNumber")) == (None if is_right else ("INVALID_CARD", "cardNumber", "1001"))


@pytest.mark.parametrize(
    ("text", "masked"),
    [("52998224725", "*********25"), ("12", "12"), ("1", "1"), ("", ""), (None, None), ("123", "*23")],
)
def test_a_mask_leaves_the_last_two_characters(text: str | None, masked: str | None) -> None:
    assert mask(text) == masked


def test_ids_sort_by_the_time_of_their_making() -> None:
    made = [ids.new_id(ids.CLAIM) for _ in range(200)]
    assert made == sorted(made)


@pytest.mark.parametrize(
    "text",
    [
        "clm_" + "0" * 25,
        "clm_" + "0" * 27,
        "clm_8" + "0" * 25,
        "clm_i" + "0" * 25,
        "clm_" + "0" * 25 + "U",
        "clm-" + "0" * 26,
        "CLM_" + "0" * 26,
        "cl_" + "0" * 27,
        "clm_" + "0" * 26 + "\n",
        "clm_" + "\u0660" * 26,
        "",
    ],
)
def test_what_is_no_id_has_no_prefix(text: str) -> None:
    assert ids.prefix_of(text) is None


def test_a_well_formed_id_says_its_kind() -> None:
    assert [ids.prefix_of(prefix + "_" + "0" * 26) for prefix in ("clm", "inv", "pat")] == ["clm", "inv", "pat"]


def test_the_earlier_id_is_the_lowest_of_its_moment() -> None:
    assert ids.earlier("aud_01k8z3v0h8e4mw2r9x7c5b1n6p", 0) == "aud_01k8z3v0h8" + "0" * 16
    # 48 bits of milliseconds in front, so the last digit of these ten counts quarters of a millisecond.
    assert ids.earlier("aud_01k8z3v0h8e4mw2r9x7c5b1n6p", 1) == "aud_01k8z3tzj0" + "0" * 16
    assert ids.earlier("aud_00000000010000000000000000", 3_600) == "aud_" + "0" * 26
