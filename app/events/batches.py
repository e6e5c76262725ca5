"""Decodes a batch of messages from the bytes that a broker stores, so that one unreadable message hides no other.

The client decodes the messages of a batch in order and raises at the first that it cannot read, whenever it is asked.
Here every message is decoded on its own, by the length before it (record batches of version 2).
"""

import struct
from collections.abc import Callable, Iterator
from typing import Final

from aiokafka import TopicPartition
from aiokafka.record.util import calc_crc32c, decode_varint

from app.events import decompression
from app.values.frozen import frozen

HEAD: Final = struct.Struct(">qiibIhiqqqhii")
"""Base offset, length, leader epoch, version, checksum, attributes, last offset delta, first and last time, three
fields of the producer, number of messages."""
MESSAGES_MAX: Final = 200_000
"""More than fit into a batch of the brokers' usual size: each takes seven bytes there, and hundreds in memory."""
LENGTH_COUNTS_FROM: Final = 12
CHECKSUM_COUNTS_FROM: Final = 21
VERSION: Final = 2
COMPRESSION_MASK: Final = 0x07
CONTROL_MASK: Final = 0x20
DECOMPRESS: Final[dict[int, Callable[[bytes], bytes]]] = {
    0: bytes,
    1: decompression.gzip_decode,
    2: decompression.snappy_decode,
    3: decompression.lz4_decode,
    4: decompression.zstd_decode,
}


@frozen
class Message:
    """A message that was decoded; `timestamp` is in milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@frozen
class Unreadable:
    """One message that cannot be decoded, or those of a whole batch; `raw` is what the broker stores of them."""

    topic: str
    partition: int
    first_offset: int
    last_offset: int
    reason: str
    raw: bytes


@frozen
class Batch:
    """The messages of one batch in order, and the offset after its last one."""

    found: tuple[Message | Unreadable, ...]
    next_offset: int


class _Broken(Exception):
    """The bytes are not what the format says; the text says why."""


@frozen
class _Head:
    base_offset: int
    end: int
    version: int
    checksum: int
    attributes: int
    last_offset: int
    first_timestamp: int
    count: int


def read_batch(place: TopicPartition, data: bytes, start: int) -> Batch | None:
    """The first batch of `data` without what is before the offset `start`; None if `data` contains no whole batch."""
    head = _head(data)
    if head is None or len(data) < head.end:
        return None
    whole, after = data[: head.end], max(start, head.base_offset)
    found: list[Message | Unreadable] = []
    try:
        for record in _records(head, whole):
            offset, one = _read(place, head, record)
            if offset >= start:
                found.append(one)
                after = offset + 1
    except Exception as error:  # noqa: BLE001 - each codec raises errors of its own
        found.append(Unreadable(*_in(place), after, max(after, head.last_offset), _reason(error), whole))
    return Batch(tuple(found), max(start, head.last_offset) + 1)


def _in(place: TopicPartition) -> tuple[str, int]:
    return place.topic, place.partition


def _head(data: bytes) -> _Head | None:
    if len(data) < HEAD.size:
        return None
    base, length, _epoch, version, checksum, attributes, delta, began, *_others, count = HEAD.unpack_from(data)
    # Before version 2 a batch is one message, compressed or not, and its own offset is that of the last one inside.
    last = base + delta if version >= VERSION else base
    return _Head(base, LENGTH_COUNTS_FROM + length, version, checksum, attributes, last, began, count)


def _records(head: _Head, whole: bytes) -> Iterator[bytes]:
    """The bytes of each message; _Broken, or an error of a codec, if they cannot be told apart."""
    if head.version != VERSION:
        raise _Broken(f"messages of version {head.version} are not supported")
    if calc_crc32c(whole[CHECKSUM_COUNTS_FROM:]) != head.checksum:
        raise _Broken("the checksum is wrong")
    if head.attributes & CONTROL_MASK:
        return
    if head.count > MESSAGES_MAX:
        raise _Broken(f"it has more than {MESSAGES_MAX:,} messages")
    decompress = DECOMPRESS.get(head.attributes & COMPRESSION_MASK)
    if decompress is None:
        raise _Broken("the compression is unknown")
    body, position = decompress(whole[HEAD.size :]), 0
    for _ in range(head.count):
        record, position = _sized(body, position)
        yield record or b""


def _read(place: TopicPartition, head: _Head, record: bytes) -> tuple[int, Message | Unreadable]:
    """The offset of a message and the message; an error if not even the offset can be read."""
    age, position = decode_varint(record, 1)
    delta, position = decode_varint(record, position)
    offset = head.base_offset + delta
    try:
        key, position = _sized(record, position)
        value, position = _sized(record, position)
        return offset, Message(*_in(place), offset, head.first_timestamp + age, key, value, _headers(record, position))
    except (_Broken, ValueError, IndexError) as error:
        return offset, Unreadable(*_in(place), offset, offset, _reason(error), record)


def _headers(record: bytes, position: int) -> tuple[tuple[str, bytes | None], ...]:
    count, position = decode_varint(record, position)
    found = []
    for _ in range(count):
        name, position = _sized(record, position)
        value, position = _sized(record, position)
        found.append(((name or b"").decode(), value))
    if position != len(record):
        raise _Broken("the length is wrong")
    return tuple(found)


def _sized(data: bytes, position: int) -> tuple[bytes | None, int]:
    """The bytes after their length, and where they end; None for the length -1."""
    length, position = decode_varint(data, position)
    if length < 0:
        return None, position
    end = position + length
    if end > len(data):
        raise _Broken("the length is wrong")
    return data[position:end], end


def _reason(error: Exception) -> str:
    if isinstance(error, _Broken | decompression.TooLarge):
        return str(error)
    if isinstance(error, UnicodeDecodeError):
        return "the name of a header is not UTF-8"
    return f"it cannot be decoded: {type(error).__name__}"
