"""Small PDF and image files made for tests."""

import struct
import zlib
from typing import Final

PNG: Final = b"\x89PNG\r\n\x1a\n" + b"".join(
    struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0\0")),
        (b"IEND", b""),
    )
)
JPEG: Final = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"


def pdf(inside: bytes = b"", packed: bytes | None = None, described: bytes = b"/Filter /FlateDecode") -> bytes:
    """A PDF with one page, more of an object in clear, and a stream with compressed content."""
    stream = b""
    if packed is not None:
        data = zlib.compress(packed)
        length = str(len(data)).encode()
        stream = (
            b"4 0 obj\n<< " + described + b" /Length " + length + b" >>\nstream\n" + data + b"\nendstream\nendobj\n"
        )
    return (
        b"%PDF-1.5\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
        b"2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n"
        b"3 0 obj\n<< /Type /Page /Parent 2 0 R >>\nendobj\n" + inside + stream + b"trailer\n<< /Root 1 0 R >>\n%%EOF\n"
    )
