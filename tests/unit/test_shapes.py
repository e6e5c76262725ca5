"""Statements have few shapes, whatever the number of their rows."""

from itertools import count, repeat

from app.db.shapes import padded


def test_a_list_is_filled_up_to_the_next_power_of_four() -> None:
    sizes = {number: len(padded(range(number), count(-1, -1))) for number in (0, 1, 2, 4, 5, 16, 17, 200)}
    assert sizes == {0: 0, 1: 1, 2: 4, 4: 4, 5: 16, 16: 16, 17: 64, 200: 256}
    assert padded([7, 8], repeat(0)) == [7, 8, 0, 0]


def test_batches_of_up_to_two_hundred_have_five_shapes() -> None:
    assert {len(padded(range(number), repeat(0))) for number in range(1, 201)} == {1, 4, 16, 64, 256}
