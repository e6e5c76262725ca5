"""One message that cannot be decoded hides no other of its batch, and its place is known."""

import struct

import pytest
from aiokafka import TopicPartition

from app.events.batches import Batch, Message, Unreadable, read_batch
from tests.events.raw_batches import batch, checked, with_header_name

PLACE = TopicPartition("t", 3)
TIME = 1_700_000_000_000


def _message(offset: int, value: bytes, headers: tuple[tuple[str, bytes | None], ...] = ()) -> Message:
    return Message("t", 3, offset, TIME, b"k", value, headers)


@pytest.mark.parametrize("codec", range(5))
def test_messages_are_read_whatever_their_compression(codec: int) -> None:
    data = batch([b"a" * 100, b"b" * 100, b"c"], base_offset=10, codec=codec)
    expected = (_message(10, b"a" * 100), _message(11, b"b" * 100), _message(12, b"c"))
    assert read_batch(PLACE, data, 10) == Batch(expected, 13)
    assert read_batch(PLACE, data, 12) == Batch(expected[2:], 13)


def test_a_header_whose_name_is_not_utf_8_makes_one_message_unreadable() -> None:
    data = with_header_name(batch([b"a", b"b", b"c"], headers={1: [("name", b"1")], 2: [("n", None)]}), b"\xff\xfeme")
    found = read_batch(PLACE, data, 0)
    assert found is not None
    before, bad, after = found.found
    assert (before, after, found.next_offset) == (_message(0, b"a"), _message(2, b"c", (("n", None),)), 3)
    assert isinstance(bad, Unreadable)
    assert (bad.first_offset, bad.last_offset, bad.reason) == (1, 1, "the name of a header is not UTF-8")
    assert b"\xff\xfeme" in bad.raw


def test_a_batch_whose_bytes_are_wrong_is_unreadable_as_a_whole() -> None:
    good = batch([b"a", b"b"], base_offset=5)
    wrong = good.replace(b"a", b"z")
    garbage = checked(good[:21] + struct.pack(">h", 4) + good[23:61] + b"no zstandard")
    unknown = checked(good[:21] + struct.pack(">h", 7) + good[23:])
    old = good[:16] + b"\x01" + good[17:]
    expected = {
        wrong: ("the checksum is wrong", 6),
        garbage: ("it cannot be decoded: DecompressionError", 6),
        unknown: ("the compression is unknown", 6),
        old: ("messages of version 1 are not supported", 5),
    }
    for data, (reason, last) in expected.items():
        assert read_batch(PLACE, data, 5) == Batch((Unreadable("t", 3, 5, last, reason, data),), last + 1)


def test_messages_before_a_broken_length_are_read() -> None:
    good = batch([b"a", b"b", b"c"])
    size = (len(good) - 61) // 3
    broken = checked(good[: 61 + size] + b"\x7e" + good[62 + size :])
    expected = (_message(0, b"a"), Unreadable("t", 3, 1, 2, "the length is wrong", broken))
    assert read_batch(PLACE, broken, 0) == Batch(expected, 3)


def test_control_batches_are_passed_and_half_a_batch_is_none() -> None:
    good = batch([b"a"], base_offset=7)
    control = checked(good[:21] + struct.pack(">h", 0x20) + good[23:])
    assert read_batch(PLACE, control + good, 7) == Batch((), 8)
    assert read_batch(PLACE, good[:-1], 7) is None
    assert read_batch(PLACE, b"", 7) is None
