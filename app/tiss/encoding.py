"""A document that arrived as text, as the bytes that its declaration says: hashes and parsers read these."""

import re
from typing import Final

_DECLARED: Final = re.compile(r"""(<\?xml[^>]{0,100}?)\s+encoding\s*=\s*["']([A-Za-z0-9._-]{1,20})["']""")


def encoded(text: str) -> bytes:
    """The text in its declared encoding; in UTF-8, without the declaration, if that has not all of its characters."""
    text = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    declared = _DECLARED.match(text)
    if declared is None:
        return text.encode(errors="replace")
    try:
        return text.encode(declared[2])
    except (LookupError, UnicodeError):
        return _DECLARED.sub(r"\1", text, count=1).encode(errors="replace")
