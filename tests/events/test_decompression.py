"""A batch of some kilobytes that would be gigabytes is refused before it takes the memory."""

import gzip
import resource
import struct
from typing import Any

import cramjam
import pytest
from aiokafka import TopicPartition
from aiokafka.codec import lz4_encode
from aiokafka.record.memory_records import MemoryRecords

from app.events.batches import Batch, Unreadable, read_batch
from app.events.decompression import BYTES_MAX, DECODERS, TooLarge, limit_client
from tests.events.raw_batches import batch, checked
from tests.figures import Figures

MEGABYTE = 1024 * 1024
PIECE = bytes(64 * MEGABYTE)
PLACE = TopicPartition("t", 3)
HEAD = b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1)


def _zstandard() -> bytes:
    return bytes(cramjam.zstd.compress(PIECE)) * 20


def _snappy() -> bytes:
    """A block that only says how long it would be."""
    return b"\xff\xff\xff\xff\x0f" + b"\0" * 100


def _java_snappy() -> bytes:
    block = bytes(cramjam.snappy.compress_raw(bytes(MEGABYTE)))
    return HEAD + (struct.pack(">i", len(block)) + block) * 17


BOMBS: dict[str, tuple[int, Any]] = {
    "gzip": (1, lambda: gzip.compress(PIECE, 9)),
    "snappy": (2, _snappy),
    "snappy of Java": (2, _java_snappy),
    "lz4": (3, lambda: lz4_encode(PIECE)),
    "zstd": (4, _zstandard),
}


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.hostile
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_put_aside_and_takes_little_memory(name: str, figures: Figures) -> None:
    codec, make = BOMBS[name]
    good = batch([b"a", b"b"], base_offset=5)
    bomb = checked(good[:21] + struct.pack(">h", codec) + good[23:61] + make())
    limit_client()
    before = _peak()
    with pytest.raises(TooLarge):
        list(MemoryRecords(bomb).next_batch())
    assert read_batch(PLACE, bomb, 5) == Batch((Unreadable("t", 3, 5, 6, "it is larger than 16 MiB", bomb),), 7)
    figures(kilobytes=len(bomb) / 1024, growth_megabytes=(_peak() - before) / MEGABYTE)
    assert _peak() - before < 3 * BYTES_MAX


def test_a_batch_as_large_as_may_be_is_read() -> None:
    text = bytes(BYTES_MAX)
    block = bytes(cramjam.snappy.compress_raw(text))
    encoded = {
        "gzip_decode": [gzip.compress(text), gzip.compress(text[1:]) + gzip.compress(text[:1])],
        "snappy_decode": [block, HEAD + struct.pack(">i", len(block)) + block],
        "lz4_decode": [lz4_encode(text)],
        "zstd_decode": [bytes(cramjam.zstd.compress(text))],
    }
    for name, decode in DECODERS.items():
        for each in encoded[name]:
            assert decode(each) == text
        with pytest.raises(TooLarge):
            decode({"gzip_decode": gzip.compress, "lz4_decode": lz4_encode}.get(name, _other(name))(text + b"x"))


def _other(name: str) -> Any:
    return cramjam.snappy.compress_raw if name == "snappy_decode" else cramjam.zstd.compress
