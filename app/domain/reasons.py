"""Reasons that people give: text that says something, so that a reviewer can understand it later."""

import re
from typing import Final

from app.domain.errors import ErrorCode, Failure
from app.domain.text import text_failure

WORDS_MIN: Final = 3
# Letters of any alphabet, at least two of them different: neither "aaa" nor "123" is a word.
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
LETTERS_MIN: Final = 2


def reason_failure(reason: str, field: str, *, length_min: int, length_max: int) -> Failure | None:
    """INVALID_INPUT unless the reason has the length and at least three different words."""
    failure = text_failure(reason, field, length_max, length_min=length_min)
    if failure is not None:
        return failure
    words = {word.casefold() for word in _WORD.findall(reason)}
    if sum(len(set(word)) >= LETTERS_MIN for word in words) >= WORDS_MIN:
        return None
    return Failure(ErrorCode.INVALID_INPUT, f"give the reason in at least {WORDS_MIN} different words", field)
