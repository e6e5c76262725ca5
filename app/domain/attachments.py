"""Attachments of appeals: PDF and image files, which are what their bytes say, and do nothing when they are opened."""

import re
import zlib
from collections.abc import Iterator
from typing import Final

from app.domain.documents import DocumentKind

BYTES_MAX: Final = 5 * 1024 * 1024
ATTACHMENTS_MAX: Final = 10
"""For the appeal of one instance against one denial."""
NAME_MAX: Final = 100
MEDIA_TYPES: Final = {
    DocumentKind.PDF: "application/pdf",
    DocumentKind.PNG: "image/png",
    DocumentKind.JPEG: "image/jpeg",
}
INFLATED_MAX: Final = 64 * 1024 * 1024
"""All compressed parts of a PDF together: more is a bomb, and is not looked through."""
ACTIVE: Final = "a PDF with scripts, forms or files inside is refused: print it to a new PDF"
BROKEN: Final = "the file is incomplete, or has something after its end: save it again"
UNREADABLE: Final = (
    "the PDF cannot be checked, since it is encrypted or packed in an unusual way: print it to a new PDF"
)
_ESCAPE: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM: Final = re.compile(rb"(?<!end)stream\r?\n")
_NAMES_END: Final = rb"(?![A-Za-z0-9])"
_ACTIVE: Final = re.compile(
    rb"/(?:JavaScript|Launch|EmbeddedFiles?|RichMedia|SubmitForm|ImportData|Rendition|XFA)" + _NAMES_END
)
_ENCRYPTED: Final = re.compile(rb"/Encrypt" + _NAMES_END)
_OBJECTS: Final = re.compile(rb"/ObjStm" + _NAMES_END)
_OTHER_PACKING: Final = re.compile(
    rb"/(?:DecodeParms|ASCIIHexDecode|ASCII85Decode|LZWDecode|RunLengthDecode|AHx|A85|LZW|RL|F)" + _NAMES_END
)
_PNG_END: Final = b"\x00\x00\x00\x00IEND\xae\x42\x60\x82"
_DICTIONARY_BYTES: Final = 2_000
"""What describes a stream is shorter than this."""


def failure(content: bytes, kind: DocumentKind) -> str | None:
    """Why this content cannot be attached; None if it can. Takes some 10 ms of CPU for each MiB."""
    if kind is DocumentKind.PDF:
        return _of_pdf(content)
    if kind is DocumentKind.PNG:
        return None if content.endswith(_PNG_END) else BROKEN
    if kind is DocumentKind.JPEG:
        return None if content.rstrip(b"\0").endswith(b"\xff\xd9") else BROKEN
    return "attach a PDF, PNG or JPEG file"


def _of_pdf(content: bytes) -> str | None:
    if b"%%EOF" not in content[-1024:]:
        return BROKEN
    plain = _unescaped(content)
    if _ENCRYPTED.search(plain):
        return UNREADABLE
    if _ACTIVE.search(plain):
        return ACTIVE
    try:
        is_active = any(_ACTIVE.search(_unescaped(part)) for part in _inflated(content))
    except ValueError:
        return UNREADABLE
    return ACTIVE if is_active else None


def _unescaped(content: bytes) -> bytes:
    """With the names as they are meant: `/J#61vaScript` is `/JavaScript`."""
    return _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), content)


def _inflated(content: bytes) -> Iterator[bytes]:
    """What the compressed parts of a PDF have inside; ValueError for objects that are packed in another way, or for too
    much of it. Parts that are no such data, such as photographs, are left out."""
    left = INFLATED_MAX
    for found in _STREAM.finditer(content):
        described = _unescaped(
            content[max(0, found.start() - _DICTIONARY_BYTES) : found.start()].rpartition(b" obj")[2]
        )
        has_objects = _OBJECTS.search(described) is not None
        if has_objects and _OTHER_PACKING.search(described):
            raise ValueError("objects that are packed in another way")
        inflate = zlib.decompressobj()
        try:
            part = inflate.decompress(memoryview(content)[found.end() :], left + 1)
        except zlib.error:
            if has_objects and b"FlateDecode" in described:
                raise ValueError("objects that cannot be unpacked") from None
            continue
        left -= len(part)
        if left < 0:
            raise ValueError("too much")
        yield part
