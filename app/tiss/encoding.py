"""The encoding of documents: their bytes decide where the declaration is wrong, if they can be read in one way only.

Programs declare what they do not write: `utf-16` what was written into a text first, UTF-8 what was saved as Windows
saves it, ISO-8859-1 what was saved as UTF-8. Text of ISO-8859-1 is no UTF-8 but by a rare chance, so the bytes show it.
"""

import codecs
import re
from typing import Final

from app.domain.errors import BillingError, ErrorCode, refuse

LATIN: Final = "ISO-8859-1"
UTF_8: Final = "UTF-8"
_WINDOWS: Final = "windows-1252"
_NAMES: Final = {
    "utf8": UTF_8,
    "iso88591": LATIN,
    "latin1": LATIN,
    "iso885915": "ISO-8859-15",
    "windows1252": _WINDOWS,
    "cp1252": _WINDOWS,
}
_SILENT: Final = frozenset({"utf16", "utf16le", "utf16be", "ucs2", "unicode", "ascii", "usascii"})
"""Declared, they say nothing of a document of single bytes."""
_START_BYTES: Final = 1_024
_LEAD: Final = re.compile(rb"(?:\xef\xbb\xbf|[ \t\r\n])*")
_DECLARATION: Final = re.compile(rb"<\?xml\s[^<>]{0,200}\?>")
_ENCODING: Final = re.compile(rb"""\s+encoding\s*=\s*["']([^"'<>]{0,40})["']""")
_VERSION: Final = re.compile(rb"""<\?xml\s+version\s*=\s*["'][^"'<>]{0,10}["']""")
_UTF_16: Final = {
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
    b"<\0": "utf-16-le",
    b"\0<": "utf-16-be",
}
_SEQUENCE: Final = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}",
)
"""A character of UTF-8 that is not ASCII."""
_OF_WINDOWS: Final = re.compile(rb"[\x80\x82-\x8c\x8e\x91-\x9c\x9e\x9f]")
_OF_NO_WINDOWS: Final = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")


def rightly_declared(document: bytes) -> bytes:
    """The document, whose declaration names the encoding of its bytes; INVALID_INPUT if no encoding fits them all."""
    look = Look()
    look.feed(document)
    return Converter(look.encoding()).feed(document)


class Look:
    """Looks at the bytes of a document, which come in parts, to say how they are encoded."""

    def __init__(self) -> None:
        self._start = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._tail = b""
        self._is_ascii = self._is_utf_8 = True
        self._lines = 1
        self._has_sequences = self._has_windows = self._has_others = False

    def feed(self, part: bytes) -> None:
        """Look at the next part."""
        if not self._start:
            self._start = part[:_START_BYTES]
            part = part[_lead(part) :]
        if self._is_utf_8:
            self._decode(part)
        if not part.isascii():
            self._is_ascii = False
            self._has_sequences = self._has_sequences or _SEQUENCE.search(self._tail + part) is not None
            self._has_windows = self._has_windows or _OF_WINDOWS.search(part) is not None
            self._has_others = self._has_others or _OF_NO_WINDOWS.search(part) is not None
        self._tail = part[-3:]

    def _decode(self, part: bytes, *, is_last: bool = False) -> None:
        try:
            self._decoder.decode(part, is_last)
            self._lines += part.count(b"\n")
        except UnicodeDecodeError as error:
            self._is_utf_8 = False
            self._lines += error.object.count(b"\n", 0, error.start)

    def encoding(self) -> str | None:
        """The encoding of the document; None where only a parser knows what it declares."""
        wide = _UTF_16.get(self._start[:2])
        if wide is not None:
            return wide
        self._decode(b"", is_last=True)
        declared = _declared(self._start)
        name = None if declared is None else _NAMES.get(_plain(declared))
        if name is None and _is_of_others(declared):
            return None
        if name not in (None, UTF_8) and (self._is_ascii or not self._is_utf_8):
            return name
        if self._is_utf_8:
            return UTF_8
        if self._has_sequences:
            text = f"the XML is in two encodings (line {self._lines}): write all of it in ISO-8859-1 or in UTF-8"
            raise _refusal(text)
        return _WINDOWS if self._has_windows and not self._has_others else LATIN


class Converter:
    """Gives the parts of a document so that parsers read them as they are encoded: with the right declaration, and
    instead of UTF-16 in UTF-8."""

    def __init__(self, encoding: str | None) -> None:
        self._encoding = encoding
        self._is_first = True
        is_wide = encoding in _UTF_16.values()
        self._decoder = codecs.getincrementaldecoder(str(encoding))() if is_wide else None

    def feed(self, part: bytes) -> bytes:
        """The next part."""
        if self._decoder is not None:
            try:
                part = self._decoder.decode(part).encode()
            except UnicodeError:
                raise _refusal("the XML is no valid UTF-16: write it in ISO-8859-1 or UTF-8") from None
        if not self._is_first or not part:
            return part
        self._is_first = False
        part = part[_lead(part) :]
        return part if self._encoding is None else _with(part, UTF_8 if self._decoder else self._encoding)


def encoded(text: str) -> bytes:
    """A document that arrived as text in its declared encoding; in UTF-8 if that has not all of its characters."""
    start = text[:_START_BYTES].encode(errors="replace")
    name = _NAMES.get(_plain(_declared(start) or b""), UTF_8)
    text = text.lstrip("\ufeff \t\r\n")
    try:
        return _with(text.encode(name), name)
    except UnicodeError:
        return _with(text.encode(errors="replace"), UTF_8)


def _lead(start: bytes) -> int:
    """What is before the document, which parsers do not allow before a declaration: marks of the order of bytes, and
    blanks."""
    found = _LEAD.match(start)
    return 0 if found is None else found.end()


def _declared(start: bytes) -> bytes | None:
    """The name in the declaration of a document that begins with these bytes."""
    declaration = _DECLARATION.match(start, _lead(start))
    found = None if declaration is None else _ENCODING.search(declaration[0])
    return None if found is None else found[1]


def _plain(name: bytes) -> str:
    return re.sub("[^a-z0-9]", "", name.decode("ascii", "replace").lower())


def _is_of_others(declared: bytes | None) -> bool:
    """Whether the name is of an encoding that exists, and that is none of those which documents are written in."""
    if declared is None or _plain(declared) in _SILENT:
        return False
    try:
        codecs.lookup(declared.decode("ascii", "replace"))
    except (LookupError, ValueError):
        return False
    return True


def _with(start: bytes, name: str) -> bytes:
    """The document that begins so, with a declaration that has this name; without one it is UTF-8."""
    declaration = _DECLARATION.match(start)
    if declaration is None:
        return start if name == UTF_8 else f'<?xml version="1.0" encoding="{name}"?>'.encode() + start
    old, said = declaration[0], f' encoding="{name}"'.encode()
    found = _ENCODING.search(old)
    if _NAMES.get(_plain(b"UTF-8" if found is None else found[1])) == name:
        return start
    with_name = _VERSION.sub(rb"\g<0>" + said, old, count=1) if found is None else old.replace(found[0], said, 1)
    return with_name + start[declaration.end() :]


def _refusal(message: str) -> BillingError:
    return refuse(ErrorCode.INVALID_INPUT, message, None, "5002")
