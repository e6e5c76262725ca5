"""Where a request ends in the bytes of a connection, and how much of it is not its body.

A parser makes objects of everything that it reads: twenty bytes of memory for each byte of a header. So it is given one
request at a time, and everything around the body (request line, headers, chunk sizes and their extensions, trailers)
counts against one limit, wherever it comes.
"""

from typing import Final

OVERHEAD_BYTES_MAX: Final = 64 * 1024
HEADERS_MAX: Final = 200
_BLANK_LINE: Final = b"\r\n\r\n"


class Framing:
    """What has arrived of one request."""

    def __init__(self) -> None:
        self.headers = 0
        self.has_head = False
        self.body_header = b""
        self.is_complete = False
        self._has_begun = False
        self._overhead_bytes = 0
        self._body_bytes_left = 0
        self._length = 0
        self._tail = b""

    @property
    def has_body(self) -> bool:
        """Whether the head says that a body follows."""
        return bool(self.body_header)

    @property
    def is_too_large(self) -> bool:
        """Whether there is too much beside the body."""
        return self._overhead_bytes > OVERHEAD_BYTES_MAX or self.headers > HEADERS_MAX

    def take(self, received: bytearray) -> bytes:
        """Cut off the bytes that may be parsed next, which do not reach beyond the limit.

        Nor do they reach beyond the request, except where its body is sent in chunks: only the parser sees their end.
        """
        if self._body_bytes_left:
            return _cut(received, self._body_bytes_left)
        end = len(received) if self.has_head else self._end_of_head(received)
        part = _cut(received, min(end, OVERHEAD_BYTES_MAX + 1 - self._overhead_bytes))
        self._overhead_bytes += len(part)
        self._tail = (self._tail + part)[-len(_BLANK_LINE) + 1 :]
        self._has_begun = self._has_begun or bool(part.strip(b"\r\n"))
        return part

    def _end_of_head(self, received: bytearray) -> int:
        """Where the blank line ends, which may have begun in the part before; blank lines before the head are a part
        of it."""
        seen = self._tail + received
        start = 0 if self._has_begun else len(seen) - len(seen.lstrip(b"\r\n"))
        found = seen.find(_BLANK_LINE, start)
        return len(received) if found < 0 else found + len(_BLANK_LINE) - len(self._tail)

    def header(self, name: bytes, value: bytes) -> None:
        """Count a header or trailer; the parser has checked that a length is a number."""
        self.headers += 1
        if self.has_head:
            return
        if name in {b"content-length", b"transfer-encoding"}:
            self.body_header = b"%b: %b\r\n" % (name, value)
        if name == b"content-length":
            # More digits than any body has would take long to convert; the body is refused by its length anyway.
            self._length = int(value[:20])

    def head(self) -> None:
        """The head is complete, and the body begins."""
        self.has_head = True
        self._body_bytes_left = self._length

    def body(self, count: int) -> None:
        """So many bytes of the body have been parsed."""
        if self._body_bytes_left:
            self._body_bytes_left -= count
        else:
            self._overhead_bytes -= count


def _cut(received: bytearray, count: int) -> bytes:
    part = bytes(received[:count])
    del received[:count]
    return part
