"""Text from callers: its length and the characters allowed in it."""

import unicodedata
from typing import Final

from app.domain.errors import ErrorCode, Failure

_PRINTED: Final = str.maketrans("", "", "\t\r\n" + "".join(map(chr, range(0x80, 0xA0))))
"""Removes what separates lines and columns, and dashes and quotes of Windows-1252 in a document of ISO-8859-1."""


def text_failure(
    text: str | None, field: str, length_max: int, *, length_min: int = 1, is_printed: bool = False
) -> Failure | None:
    """Why free text is refused: too short, too long, or with control characters; None if it is valid.

    An optional text that was not given (None) is valid. `is_printed`: whether it is prose, with lines and tabs,
    which is copied from document to document.
    """
    if text is None:
        return None
    if not length_min <= len(text.strip()) or len(text) > length_max:
        return Failure(ErrorCode.INVALID_INPUT, f"needs {length_min} to {length_max} characters", field)
    shown = text.translate(_PRINTED) if is_printed else text
    if any(unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn") for char in shown):
        return Failure(ErrorCode.INVALID_INPUT, "control characters are not allowed", field)
    return None


def ascii_failure(text: str | None, field: str, length_max: int) -> Failure | None:
    """Why a number or code is refused: not ASCII, empty, too long, or with control characters; None if it is valid.

    An optional value that was not given (None) is valid. TISS restricts such fields to ASCII, and their columns store
    nothing else (`app/db/types.py: ascii_text`).
    """
    if text is not None and not text.isascii():
        return Failure(ErrorCode.INVALID_INPUT, "only ASCII characters are allowed", field)
    return text_failure(text, field, length_max)


def visible(text: str) -> str:
    """The text on one line: line breaks, terminal escapes and invisible characters are shown as escapes."""
    return "".join(
        char
        if char.isprintable() or unicodedata.category(char) == "Zs"
        else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )


def fold(text: str) -> str:
    """Lower case without accents, for searching."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).lower()
