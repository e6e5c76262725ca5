"""Frozen classes do what frozen dataclasses of the standard library do, from their first use on."""

import pickle
from copy import copy, deepcopy
from dataclasses import FrozenInstanceError, dataclass, field, fields, is_dataclass, replace
from inspect import signature
from typing import Any

import pytest

from app.values.frozen import frozen


@frozen
class Amount:
    cents: int
    currency: str = "BRL"
    notes: list[str] = field(default_factory=list, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Standard:
    cents: int
    currency: str = "BRL"
    notes: list[str] = field(default_factory=list, compare=False, repr=False)


@frozen
class Rounded(Amount):
    """An amount with a rest."""

    rest: int = 0


@frozen
class Counted:
    text: str
    length: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "length", len(self.text))


def _fresh() -> Any:
    """A class none of whose methods was used."""

    @frozen
    class Fresh:
        cents: int
        currency: str = "BRL"

    return Fresh


def _values(amount: Any) -> list[Any]:
    return [getattr(amount, each.name) for each in fields(amount)]


def test_its_fields_are_those_of_a_standard_dataclass() -> None:
    assert [(each.name, each.type, each.default) for each in fields(Amount)] == [
        (each.name, each.type, each.default) for each in fields(Standard)
    ]
    assert (is_dataclass(Amount), Amount.__match_args__, Amount.__slots__) == (  # type: ignore[attr-defined]
        True,
        Standard.__match_args__,
        Standard.__slots__,
    )


@pytest.mark.parametrize("arguments", [{"cents": 5}, {"cents": 5, "currency": "EUR", "notes": ["paid"]}])
def test_it_is_made_printed_and_hashed_like_one(arguments: dict[str, Any]) -> None:
    made, standard = Amount(**arguments), Standard(**arguments)
    assert _values(made) == _values(standard)
    assert repr(made) == repr(standard).replace("Standard", "Amount")
    assert hash(made) == hash(standard)


def test_a_default_that_is_made_is_made_for_each() -> None:
    assert Amount(1).notes is not Amount(1).notes


@pytest.mark.parametrize("wrong", [{}, {"cents": 1, "name": "x"}])
def test_wrong_arguments_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="__init__"):
        Amount(**wrong)


def test_its_arguments_are_known() -> None:
    assert str(signature(Rounded)).startswith("(cents: int, currency: str = 'BRL', notes: list[str] = ")
    assert list(signature(Counted).parameters) == ["text"]


def test_what_is_compared_is_equal_whatever_is_not() -> None:
    assert Amount(5, notes=["a"]) == Amount(5, notes=["b"])
    assert Amount(5) != Amount(6)
    others: list[Any] = [Standard(5), Rounded(5), 5]
    assert Amount(5) not in others
    assert {Amount(5): "five"}[Amount(5)] == "five"


@pytest.mark.parametrize("use", [repr, hash, lambda made: made == copy(made), lambda made: replace(made, cents=5)])
def test_each_method_may_be_the_first_that_is_used(use: Any) -> None:
    kind = _fresh()
    made = kind.__new__(kind)
    object.__setattr__(made, "cents", 5)
    object.__setattr__(made, "currency", "BRL")
    use(made)
    assert made == kind(5)


def test_no_attribute_changes_or_goes() -> None:
    made = Amount(5)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'cents'"):
        made.cents = 6  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'cents'"):
        del made.cents
    with pytest.raises(FrozenInstanceError):
        setattr(made, "unknown", 6)  # noqa: B010 - as a program would that no type checker has seen
    assert (made.cents, hasattr(made, "__dict__")) == (5, False)


@pytest.mark.parametrize("again", [copy, deepcopy, lambda made: pickle.loads(pickle.dumps(made))])  # noqa: S301 - our own
@pytest.mark.parametrize("made", [Amount(5, notes=["a"]), Rounded(7, rest=1), Counted("five")])
def test_it_is_copied_and_sent_to_other_processes(made: Any, again: Any) -> None:
    other = again(made)
    assert (type(other), other, _values(other)) == (type(made), made, _values(made))
    with pytest.raises(FrozenInstanceError):
        setattr(other, fields(other)[0].name, 0)


def test_a_replaced_value_is_checked_like_a_new_one() -> None:
    assert replace(Amount(5), cents=6) == Amount(6)
    assert replace(Counted("five"), text="three").length == 5


def test_a_subclass_has_the_fields_of_both() -> None:
    assert repr(Rounded(7, rest=1)) == "Rounded(cents=7, currency='BRL', rest=1)"
    assert Rounded(7, rest=1) != Rounded(7, rest=2)
    assert Rounded.__doc__ == "An amount with a rest."
