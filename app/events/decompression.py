"""Decompression within a limit: a batch of some kilobytes may say that it is gigabytes long.

The Kafka client has no limit of its own: `limit_client` replaces its decoders.
"""

import gzip
import importlib
import io
import struct
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, Final

from aiokafka import codec
from aiokafka.record import default_records, legacy_records

BYTES_MAX: Final = 16 * 1024 * 1024
"""Of a whole batch; brokers accept 1 MiB of compressed messages unless they are told otherwise."""
_XERIAL: Final = b"\x82SNAPPY\0"
_XERIAL_HEAD_LENGTH: Final = 16
_FULL: Final = "whole buffer"

Decode = Callable[[Any], bytes]


class TooLarge(ValueError):
    """The messages are larger than BYTES_MAX."""

    def __init__(self) -> None:
        super().__init__(f"it is larger than {BYTES_MAX // 1024 // 1024} MiB")


def gzip_decode(payload: Any) -> bytes:
    """The messages of a gzip batch; TooLarge, or an error of the library."""
    with gzip.GzipFile(fileobj=io.BytesIO(payload), mode="r") as file:
        return _checked(file.read(BYTES_MAX + 1))


def snappy_decode(payload: Any) -> bytes:
    """The messages of a snappy batch, in one block or in those of the Java library."""
    if not codec.has_snappy():
        return bytes(codec.snappy_decode(payload))
    data = bytes(payload)
    blocks = list(_xerial_blocks(data)) if data.startswith(_XERIAL) else [data]
    if sum(codec.cramjam.snappy.decompress_raw_len(block) for block in blocks) > BYTES_MAX:
        raise TooLarge
    return b"".join(bytes(codec.cramjam.snappy.decompress_raw(block)) for block in blocks)


def _xerial_blocks(data: bytes) -> Iterator[bytes]:
    position = _XERIAL_HEAD_LENGTH
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        position += 4
        yield data[position : position + length]
        position += length


def lz4_decode(payload: Any) -> bytes:
    """The messages of an lz4 batch."""
    if not codec.has_lz4():
        return bytes(codec.lz4_decode(payload))
    return _into_buffer(codec.cramjam.lz4.decompress_into, payload)


def zstd_decode(payload: Any) -> bytes:
    """The messages of a Zstandard batch."""
    if not codec.has_zstd():
        return bytes(codec.zstd_decode(payload))
    return _into_buffer(codec.cramjam.zstd.decompress_into, payload)


def _into_buffer(decompress_into: Callable[[bytes, bytearray], int], payload: Any) -> bytes:
    # The system gives memory to the buffer only where it is written.
    buffer = bytearray(BYTES_MAX)
    try:
        length = decompress_into(bytes(payload), buffer)
    except codec.cramjam.DecompressionError as error:
        if _FULL in str(error):
            raise TooLarge from None
        raise
    return bytes(memoryview(buffer)[:length])


def _checked(data: bytes) -> bytes:
    if len(data) > BYTES_MAX:
        raise TooLarge
    return data


DECODERS: Final[dict[str, Decode]] = {
    "gzip_decode": gzip_decode,
    "snappy_decode": snappy_decode,
    "lz4_decode": lz4_decode,
    "zstd_decode": zstd_decode,
}


def limit_client() -> None:
    """Replace the client's decoders where it looks them up: in its modules in Python, and in the compiled ones."""
    compiled = [_compiled(name) for name in ("default_records", "legacy_records")]
    for module in (default_records, legacy_records, *compiled):
        for name, decode in DECODERS.items():
            if hasattr(module, name):
                setattr(module, name, decode)


def _compiled(name: str) -> ModuleType | None:
    """The module that a platform may lack."""
    try:
        return importlib.import_module(f"aiokafka.record._crecords.{name}")
    except ImportError:
        return None
