"""Messages in the reader's language: a text of ours is recognized, and written again with the same values.

A message is written in English where its rule is, with its values in it. It is translated only where it leaves, by
`in_language`: what is stored with a key, logged, or raised in another process is the English text.

The catalogue has each English text beside its Portuguese one:

    "the contract ended on {day}, before {date}" = "o contrato terminou em {day}: confira {date}"

"the contract ended on 2026-10-01, before the service date" is recognized by its fixed parts. Its values are then
"2026-10-01", which is written 01/10/2026, and "the service date", which the catalogue has as a text of its own.
"""

import re
import tomllib
from functools import cache, lru_cache
from importlib.resources import files
from string import Formatter
from typing import Any, Final

from app.language.choice import Language, reader
from app.values.frozen import frozen

LENGTH_MAX: Final = 1_000
"""No message of ours is longer; what a library says may be as long as a request."""
AREAS: Final = ("claims", "money", "parties", "documents", "requests", "words")
_THOUSANDS: Final = re.compile(r"\d{1,3}(,\d{3})+")
_AMOUNT: Final = re.compile(r"\d+\.\d\d")
_DAY: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)")


def in_language(text: str) -> str:
    """The message for the reader of the request that runs now; English if it has no Portuguese text."""
    found = reader.get()
    if found is None:
        return text
    found.has_read = True
    return text if found.language is Language.ENGLISH else in_portuguese(text)


def in_portuguese(text: str) -> str:
    """The message, or each of several joined by semicolons, in Portuguese; what the catalogue does not have stays."""
    if len(text) > LENGTH_MAX:
        return text
    found = _translated(text)
    return "; ".join(_translated(part) or part for part in text.split("; ")) if found is None else found


@cache
def catalogue(area: str) -> dict[str, str]:
    """English text -> Portuguese text of an area, both with their values in braces."""
    return _read(area)


@cache
def codes() -> dict[str, dict[str, str]]:
    """What each code means, in Portuguese: of requests, and of an input."""
    return _read("codes")


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((files("app.language") / "portuguese" / f"{name}.toml").read_text())


def names_of(template: str) -> list[str]:
    """The names of the values in a text, in their order."""
    return [name for _, name, _, _ in Formatter().parse(template) if name is not None]


@frozen
class _Form:
    """A text with values: how it begins, what fits it, and its Portuguese text."""

    start: str
    pattern: re.Pattern[str]
    portuguese: str

    @classmethod
    def of(cls, english: str, portuguese: str) -> "_Form":
        parts = list(Formatter().parse(english))
        texts = [re.escape(text) + ("" if name is None else f"(?P<{name}>.+?)") for text, name, _, _ in parts]
        return cls(parts[0][0], re.compile("".join(texts)), portuguese)


@cache
def _texts() -> dict[str, str]:
    """Every text of the catalogue."""
    return {english: portuguese for area in AREAS for english, portuguese in catalogue(area).items()}


@cache
def _forms() -> list[_Form]:
    """The texts with values, those with more fixed text first: `only {amount} is due` before `{a}: {b}`."""
    found = [(english, portuguese) for english, portuguese in _texts().items() if "{" in english]
    found.sort(key=lambda pair: -len(re.sub(r"\{\w+\}", "", pair[0])))
    return [_Form.of(*pair) for pair in found]


@lru_cache(maxsize=4096)
def _translated(text: str) -> str | None:
    """The text in Portuguese; None if the catalogue does not have it."""
    whole = _texts().get(text)
    if whole is not None:
        return whole
    for form in _forms():
        found = form.pattern.fullmatch(text) if text.startswith(form.start) else None
        if found is not None:
            return form.portuguese.format_map({name: _value(value) for name, value in found.groupdict().items()})
    return None


def _value(value: str) -> str:
    """A value as Portuguese writes it: a text of the catalogue, an amount, a large number, a day, or what it is."""
    if _THOUSANDS.fullmatch(value):
        return value.replace(",", ".")
    if _AMOUNT.fullmatch(value):
        return value.replace(".", ",")
    day = _DAY.fullmatch(value)
    return f"{day[3]}/{day[2]}/{day[1]}" if day else in_portuguese(value)
