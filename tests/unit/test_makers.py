"""Records that are made fast are the same as those that their classes make."""

from dataclasses import FrozenInstanceError, dataclass, fields, replace
from typing import Any, NamedTuple

import pytest

from app.db.claims import ClaimRecord, ItemRecord
from app.db.invoices import InvoiceRecord
from app.db.makers import maker_of


@dataclass(frozen=True, slots=True)
class Checked:
    number: int

    def __post_init__(self) -> None:
        assert self.number > 0


@dataclass(frozen=True)
class Unslotted:
    number: int


class Pair(NamedTuple):
    first: int
    second: int


@pytest.mark.parametrize("record", [ClaimRecord, ItemRecord, InvoiceRecord])
def test_a_record_that_is_made_fast_is_a_record(record: Any) -> None:
    row = list(range(len(fields(record))))
    made, usual = maker_of(record)(*row), record(*row)
    assert (type(made), made, hash(made), repr(made)) == (record, usual, hash(usual), repr(usual))
    name = fields(record)[0].name
    assert replace(made, **{name: 7}) == replace(usual, **{name: 7})
    with pytest.raises(FrozenInstanceError):
        setattr(made, name, 7)
    assert maker_of(record) is not record


@pytest.mark.parametrize("record", [Checked, Unslotted, Pair, tuple, int])
def test_what_is_more_than_its_slots_makes_itself(record: Any) -> None:
    assert maker_of(record) is record
