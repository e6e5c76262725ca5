"""Public ids: a type prefix and a UUIDv7 in Crockford base32, so that ids sort by creation time."""

import os
import re
import time
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_SHAPE: Final = re.compile(r"[a-z]{3}_[0-7][0-9a-hjkmnp-tv-z]{25}")

CLAIM: Final = "clm"
ITEM: Final = "itm"
DENIAL: Final = "dnl"
INVOICE: Final = "inv"
LINE: Final = "lin"
SETTLEMENT: Final = "stl"
ALLOCATION: Final = "alc"
CONTRACT: Final = "ctr"
PRICE: Final = "prc"
REMITTANCE: Final = "rem"
REMITTANCE_LINE: Final = "rml"
HISTORY: Final = "hst"
ELIGIBILITY: Final = "elg"
PATIENT: Final = "pat"
COVERAGE: Final = "cov"
AUDIT: Final = "aud"
EMERGENCY: Final = "emg"
EVENT: Final = "evt"


def _uuid7() -> int:
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    # The fraction of the millisecond, not chance, orders ids of the same millisecond (RFC 9562, 6.2, method 3).
    fraction = (rest << 12) // 1_000_000
    low = int.from_bytes(os.urandom(8), "big") >> 2
    return (milliseconds << 80) | (7 << 76) | (fraction << 64) | (2 << 62) | low


def new_id(prefix: str) -> str:
    """A new id such as `clm_01k8...`: 30 ASCII characters."""
    return _text(prefix, _uuid7())


def _text(prefix: str, value: int) -> str:
    return prefix + "_" + "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def earlier(identifier: str, seconds: int) -> str:
    """The lowest id that could be made this long before the one that is given."""
    prefix, _, digits = identifier.partition("_")
    value = 0
    for digit in digits:
        value = (value << 5) | _ALPHABET.index(digit)
    return _text(prefix, max((value >> 80) - seconds * 1_000, 0) << 80)


def prefix_of(identifier: str) -> str | None:
    """The type prefix of a well-formed id, or None."""
    return identifier[:3] if _SHAPE.fullmatch(identifier) else None
