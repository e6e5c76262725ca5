"""Free text from callers: its length and the characters that may stand in it."""

import unicodedata

from app.domain.errors import ErrorCode, Failure


def text_failure(text: str, field: str, length_max: int, *, length_min: int = 1) -> Failure | None:
    """Why this text is refused: empty, too long, or with control characters."""
    if not length_min <= len(text.strip()) or len(text) > length_max:
        return Failure(ErrorCode.INVALID_INPUT, f"needs {length_min} to {length_max} characters", field)
    if any(unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn") for char in text):
        return Failure(ErrorCode.INVALID_INPUT, "control characters are not allowed", field)
    return None


def fold(text: str) -> str:
    """Lower case without accents, for searching."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).lower()
