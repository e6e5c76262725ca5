"""Words that callers search for."""

from typing import Final

from app.domain.errors import ErrorCode, Failure
from app.domain.text import fold, text_failure

SEARCH_LENGTH_MAX: Final = 100
WORDS_MAX: Final = 6
WORD_LENGTH_MIN: Final = 2


def words_of(search: str | None) -> tuple[str, ...]:
    """The different words without case and accents, the longest first, since it fits the fewest texts."""
    return tuple(sorted(dict.fromkeys(fold(search or "").split()), key=len, reverse=True))


def words_failure(words: tuple[str, ...], field: str) -> Failure | None:
    """Why the words of `words_of` are refused: too many, or one that is in almost every text."""
    if len(words) > WORDS_MAX:
        return Failure(ErrorCode.INVALID_INPUT, f"search for at most {WORDS_MAX} words", field)
    if words and len(words[-1]) < WORD_LENGTH_MIN:
        return Failure(ErrorCode.INVALID_INPUT, f"use words of {WORD_LENGTH_MIN} characters or more", field)
    return None


def search_failure(search: str | None, field: str) -> Failure | None:
    """Why a text to search for is refused: too long, too many words, or unsuitable ones; None if it is valid."""
    return text_failure(search, field, SEARCH_LENGTH_MAX) or words_failure(words_of(search), field)


def is_number(word: str) -> bool:
    """Whether the word may be the start of a code."""
    return word.isascii() and word.isdigit()
